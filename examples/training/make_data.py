"""Makes the small English data set of this example: sentences of our own, spoken by espeak-ng, converted by sox.

Run as ``python make_data.py [FOLDER]``; without a folder it writes ``data`` beside this script. It writes
``train.jsonl``, ``validation.jsonl`` and 22,050 Hz mono 16-bit recordings under ``wavs/``. The same programs make the same
bytes every time. Exit code 2 where espeak-ng or sox is missing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Final

RATE: Final = 22_050

TRAIN: Final = (
    "The harbour was quiet when the first boat came in.",
    "A narrow path leads from the mill to the river.",
    "Please put the letters on the table by the window.",
    "Seven crows sat on the fence and watched the road.",
    "It rained all night, and the garden smelled of earth.",
    "My brother keeps his tools in a wooden box.",
    "Turn left at the bakery, then walk up the hill.",
    "The clock in the hall is always five minutes slow.",
    "She read the story twice before she fell asleep.",
    "Fresh bread and butter were waiting in the kitchen.",
    "The old bridge creaked under the weight of the cart.",
    "We planted beans, carrots and a row of yellow flowers.",
    "Nobody heard the bell because of the wind.",
    "The teacher drew a large circle on the board.",
    "A grey cat jumped over the wall and was gone.",
    "On clear days you can see the islands from here.",
    "The train left early, so we took the bus.",
    "He whistled a tune that everybody knew by heart.",
    "Bring a warm coat, for the evenings are cold.",
    "They built the shed from planks and rusty nails.",
)
VALIDATION: Final = (
    "The lamp in the corner gives a soft light.",
    "Children ran along the beach until the sun went down.",
    "His answer was short, but it was kind.",
    "The baker opens his shop before the village wakes.",
)
"""Written for this example, and in the public domain (CC0-1.0); written in words, so that every symbol is known."""


def main(arguments: list[str]) -> int:
    """Make the data set; 2 where it cannot be made."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parent / "data"
    missing = [program for program in ("espeak-ng", "sox") if shutil.which(program) is None]
    if missing:
        print(
            f"runtime_dependency_missing: {' and '.join(missing)} not found; apt-get install espeak-ng sox",
            file=sys.stderr,
        )
        return 2
    try:
        make(folder)
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip().splitlines()
        print(f"make_data: {error.cmd[0]} failed: {words[-1] if words else error.returncode}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"make_data: {error.filename or folder}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{len(TRAIN)} utterances to train with, {len(VALIDATION)} to validate with, in {folder}")
    return 0


def make(folder: Path) -> None:
    """Write recordings and manifests."""
    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    for name, sentences in (("train", TRAIN), ("validation", VALIDATION)):
        rows = []
        for number, text in enumerate(sentences, 1):
            path = f"wavs/{name}-{number:02}.wav"
            speak(text, folder / path)
            with wave.open(str(folder / path)) as recording:
                duration = round(recording.getnframes() / recording.getframerate(), 3)
            rows.append({"audio_filepath": path, "text": text, "duration": duration})
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8", newline="\n")


def speak(text: str, path: Path) -> None:
    """One sentence as a recording; sox would dither with random numbers, and is told not to (-D)."""
    spoken = subprocess.run(  # noqa: S603 - the words are ours
        ["espeak-ng", "-v", "en-us", "-s", "150", "--stdout", text],  # noqa: S607 - wherever it is installed
        capture_output=True,
        check=True,
    )
    convert = ["sox", "-D", "-t", "wav", "-", "-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer", str(path)]
    subprocess.run(convert, input=spoken.stdout, capture_output=True, check=True)  # noqa: S603 - as above


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
