"""Signals in awkward pieces: cut inside of numbers, keywords and characters, between progress bars, colours and rubbish."""

from __future__ import annotations

import os
import time

PIECES = (
    b"starting\r\nPROG",
    b"RESS 1 1",
    b'00\nSTATS {"loss": 0.',
    b'75, "note": "\xc3',
    b'\xa4"}\nARTIFACT out/vo',
    b"ice-\xe2\x82",
    b"\xac.json\n",
    b"Epoch 0:  10%|#   |\rEpoch 0:  50%|##  |\r\x1b[2K\x1b[32mPROGRESS 50 100\x1b[0m",
    b"\r",
    b'\nSTATS {"lr": 0.001}\nPROGRESSIVE 9 9\n  PROGRESS 98 100\n',
    b'PROGRESS 60\nSTATS {"loss": NaN}\nSTATS [1]\n\xff\xfe\x00PROGRESS 97 100\n',
    b"ARTIFACT out/second.json\nPROGRESS 100 100\nARTIFACT out/voice-\xe2\x82\xac.json\n",
    b'STATS {"loss": 0.25}\nPROGRESS 10',
)
"""What is written at once. The last line never ends, so it says nothing."""


def main() -> None:
    """Each piece alone, so that no reader gets two of them together."""
    for piece in PIECES:
        os.write(1, piece)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
