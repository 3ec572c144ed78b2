"""The manifest of a data set: what is read, what is refused with its place, and the digest of what is learnt."""

from __future__ import annotations

import hashlib
import json
import shutil
import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recordings import RATE, tone, wav, write_dataset

from helix_tts_policy import check_dataset
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.english_characters import PUNCTUATION, VOCABULARY, symbols_of
from helix_tts_policy.facts.training_data import (
    MAX_LINE_LENGTH,
    DatasetRow,
    Utterance,
    canonical_rows,
    dataset_manifest,
    read_dataset_manifest,
)
from helix_tts_policy.facts.wave_audio import ObservedAudio

if TYPE_CHECKING:
    from helix_tts_policy.errors import Problem
    from helix_tts_policy.facts.training_data import DatasetManifest


def read(folder: Path, text: str | bytes) -> DatasetManifest:
    path = folder / "m.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_dataset_manifest(path)


def problems(folder: Path, text: str | bytes) -> list[tuple[str, int | None, int | None, str, str]]:
    with pytest.raises(MalformedInput) as caught:
        read(folder, text)
    return [(each.kind, each.line, each.column, each.path, each.message) for each in caught.value.problems]


def test_rows_are_read_in_the_field_names_of_nemo(tmp_path: Path) -> None:
    text = (
        '{"audio_filepath": "a.wav", "text": "At 7.", "normalized_text": "At seven.", "duration": 1.5, "speaker": 3}\r\n'
        "\n"
        '{"audio_filepath": "/srv/b.wav", "text": "", "text_normalized": "No.", "duration": null, "lang": ["en"]}'
    )

    manifest = read(tmp_path, text)

    assert manifest.rows == (
        DatasetRow(1, "a.wav", "At 7.", "At seven.", 1.5, 3),
        DatasetRow(3, "/srv/b.wav", "", "No.", None, None),
    )
    assert [(row.spoken, row.spoken_field) for row in manifest.rows] == [
        ("At seven.", "normalized_text"),
        ("No.", "normalized_text"),
    ]
    assert [manifest.audio(row) for row in manifest.rows] == [tmp_path / "a.wav", Path("/srv/b.wav")]
    assert manifest.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_a_manifest_without_rows_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"").rows == read(tmp_path, b"\n \n").rows == ()


def test_all_problems_of_all_lines_are_told_with_their_places(tmp_path: Path) -> None:
    text = (
        '{"audio_filepath": "a.wav"}\n'
        '{"audio_filepath": "", "text": 7, "speaker": true, "duration": 1e999}\n'
        "\n"
        '["a.wav"]\n'
        '{"audio_filepath": "a.wav", "text": "x", "text": "y"}\n'
        '{"audio_filepath": "a.wav", "text": "x\\u202e"}\n'
        '{"audio_filepath": "a.wav", "text": "x", "duration": NaN}\n'
        '{"audio_filepath": null, "text": "x", "duration": -1}\n'
        '{"audio_filepath": "a.wav", "text" "x"}\n'
        f'{{"text": "{"x" * MAX_LINE_LENGTH}"}}\n'
        f"{'[' * 10_000}\n"
        "7\n"
    )

    shape = "dataset-row-shape"
    assert problems(tmp_path, text) == [
        (shape, 1, 1, "/0/text", 'the required field "text" is missing'),
        (shape, 2, 20, "/1/audio_filepath", 'found the string ""; expected a path'),
        (shape, 2, 32, "/1/text", "found the number 7; expected a text"),
        (shape, 2, 46, "/1/speaker", "found true or false; expected a number or a name"),
        (shape, 2, 64, "/1/duration", "found the number inf; expected seconds, 0 or more"),
        (shape, 4, 1, "/2", "found an array; expected an object"),
        (
            "input-duplicate-key",
            5,
            42,
            "/3/text",
            "the key stands twice in one object, first at 5:29; readers disagree which value counts",
        ),
        (
            "input-unsafe-text",
            6,
            37,
            "/4/text",
            "holds U+202E, which makes the text look other than it is; expected visible characters",
        ),
        ("input-syntax", 7, 54, "/5", "holds NaN, which is no JSON number"),
        (shape, 8, 20, "/6/audio_filepath", "found null; expected a path"),
        (shape, 8, 51, "/6/duration", "found the number -1; expected seconds, 0 or more"),
        ("input-syntax", 9, 36, "/7", "is no JSON: expecting ':' delimiter"),
        (shape, 10, 1, "/8", "the line has 65548 characters; expected at most 65536"),
        ("input-syntax", 11, 65, "/9", "nests deeper than 64 levels"),
        (shape, 12, 1, "/10", "found the number 7; expected an object"),
    ]


def test_problems_are_counted_beyond_the_first_hundred(tmp_path: Path) -> None:
    found = problems(tmp_path, "7\n" * 250)

    assert len(found) == 101
    assert found[-1] == ("dataset-row-shape", 100, 1, "/99", "150 more problems of this kind")


@pytest.mark.parametrize("data", [b"\xff\xfe7\x00", b"\xef\xbb\xbf{}", b'{"text": "\xff"}'])
def test_another_encoding_is_refused(tmp_path: Path, data: bytes) -> None:
    assert [kind for kind, *_ in problems(tmp_path, data)] == ["input-encoding"]


@pytest.mark.parametrize("text", ["a\\u0062c", 'a \\"b\\" \\\\c', "caf\u00e9", "a\\u00e9"])
def test_escapes_are_read_as_json_has_them(tmp_path: Path, text: str) -> None:
    row = read(tmp_path, f'{{"audio_filepath": "a", "text": "{text}"}}').rows[0]

    assert row.text == json.loads(f'"{text}"')


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 9) | st.sampled_from(["", "a.wav", "7"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["text", "x"]), inner, max_size=2),
    max_leaves=4,
)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["audio_filepath", "text", "duration", "speaker", "normalized_text", "other"]), JSON_VALUES
    ),
    max_size=4,
)


@given(ROWS)
def test_a_manifest_is_read_or_refused_with_places(rows: list[dict[str, Any]]) -> None:
    problems: tuple[Problem, ...] = ()
    manifest = None
    try:
        manifest = dataset_manifest("".join(json.dumps(row) + "\n" for row in rows).encode(), "m.jsonl")
    except MalformedInput as error:
        problems = error.problems

    assert (manifest is None) == bool(problems)
    assert all(each.line and each.column and each.message.isprintable() for each in problems)
    assert manifest is None or [row.line for row in manifest.rows] == [*range(1, len(rows) + 1)]
    assert manifest is None or [row.text for row in manifest.rows] == [row["text"] for row in rows]


# --- symbols ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known", "unknown"),
    [
        ("The Quick brown fox.", "the quick brown fox.", ()),
        ("  two   blanks ", "two blanks", ()),
        ("Café naïve Å", "cafe naive a", ()),
        ("It\u2019s \u201cso\u201d", 'it\'s "so"', ()),
        ("at 7 o'clock", "at o'clock", ("7",)),
        ("7 7 8", "", ("7", "8")),
        ("a—b_c\tc", "abcc", ("—", "_", "\t")),
        ("\u017ftra\u00dfe", "trae", ("\u017f", "\u00df")),
        ("\u03b1\u03b2", "", ("\u03b1", "\u03b2")),
        ("...", "...", ()),
        ("", "", ()),
    ],
)
def test_symbols_of_a_text(text: str, known: str, unknown: tuple[str, ...]) -> None:
    assert symbols_of(text) == (known, unknown)


@given(st.text())
def test_known_symbols_are_of_the_vocabulary_and_stay_what_they_are(text: str) -> None:
    symbols = symbols_of(text)

    assert set(symbols.known) <= VOCABULARY
    assert not set(symbols.unknown) & VOCABULARY
    assert symbols_of(symbols.known) == (symbols.known, ())
    assert symbols.says_something == any(symbol in string.ascii_lowercase for symbol in symbols.known)


def test_the_vocabulary_is_that_of_the_tokenizer() -> None:
    assert len(PUNCTUATION) == 15
    assert len(VOCABULARY) == 26 + 15 + 2


# --- the digest -------------------------------------------------------------------------------------------------------


def utterance(audio: str, text: str, frames: int = RATE, **more: Any) -> Utterance:
    digest = hashlib.sha256(audio.encode()).hexdigest()
    observed = ObservedAudio(sha256=digest, rate=RATE, channels=1, frames=frames)
    return Utterance(row=DatasetRow(1, audio, text, **more), audio=Path(audio), observed=observed)


def test_canonical_rows_are_sorted_lines_of_plain_json() -> None:
    rows = canonical_rows(
        [
            ("validation", [utterance("b", "é")]),
            ("train", [utterance("a", "7", speaker="ann"), utterance("b", "x", normalized_text="y")]),
        ]
    )

    a, b = (hashlib.sha256(name).hexdigest() for name in (b"a", b"b"))
    assert rows.decode() == (
        f'{{"audio_sha256":"{b}","duration":1.0,"normalized_text":"y","split":"train","text":"x"}}\n'
        f'{{"audio_sha256":"{b}","duration":1.0,"split":"validation","text":"é"}}\n'
        f'{{"audio_sha256":"{a}","duration":1.0,"speaker":"ann","split":"train","text":"7"}}\n'
    )


TEXTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"])), max_size=5)


@given(TEXTS, TEXTS, st.randoms())
def test_order_does_not_count_and_everything_else_does(one: Any, other: Any, random: Any) -> None:
    shuffled = [*one]
    random.shuffle(shuffled)

    def rows(pairs: Any, split: str = "train") -> bytes:
        return canonical_rows([(split, [utterance(audio, text) for audio, text in pairs])])

    assert rows(one) == rows(shuffled)
    assert (rows(one) == rows(other)) == (sorted(one) == sorted(other))
    assert not one or rows(one, "validation") != rows(one)


def test_the_digest_is_that_of_the_normalised_manifest_and_moves_with_nothing_but_the_data(tmp_path: Path) -> None:
    train = write_dataset(tmp_path / "one", "train", ["Good morning.", "Good night."])
    report = check_dataset(train)
    moved = tmp_path / "two" / "deeper"
    moved.parent.mkdir()
    shutil.copytree(tmp_path / "one", moved)
    (moved / "train-0.wav").rename(moved / "renamed.wav")
    lines = (moved / "train.jsonl").read_text().replace("train-0.wav", "renamed.wav").splitlines(keepends=True)
    (moved / "train.jsonl").write_text("".join(reversed(lines)))

    assert report.sha256 == hashlib.sha256(report.normalized or b"").hexdigest()
    assert check_dataset(moved / "train.jsonl").sha256 == report.sha256
    (moved / "renamed.wav").write_bytes(wav(tone(6000)))
    assert check_dataset(moved / "train.jsonl").sha256 not in {None, report.sha256}
