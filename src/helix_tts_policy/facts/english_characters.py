"""The symbols of an English text as NeMo's `EnglishCharsTokenizer` makes them, with punctuation and apostrophe.

NeMo drops a symbol that it does not know with a warning and goes on: "at 7 o'clock" is learnt as "at o'clock". The
tokenizer is told here in our own words so that this is known before NeMo is there; a test with NeMo holds both together.
"""

from __future__ import annotations

import string
import unicodedata
from typing import Final, NamedTuple

PUNCTUATION: Final = frozenset(',.!?-:;/"()[]{}')
"""What the tokenizer keeps beside letters, apostrophe and blank: ``DEFAULT_PUNCTUATION`` of nemo_toolkit 2.7 and 3.0."""

VOCABULARY: Final = frozenset(string.ascii_lowercase) | {"'", " "} | PUNCTUATION

_LOOK_ALIKES: Final = str.maketrans({"\u2019": "'", "\u201c": '"', "\u201d": '"'})
"""The three typographic marks that the tokenizer takes for plain ones."""


class Symbols(NamedTuple):
    """A text in the symbols that a model is trained on.

    Attributes:
        known: the symbols; blanks never stand twice in a row, at the beginning or at the end.
        unknown: the characters that are dropped, once each, in the order of the text.
    """

    known: str
    unknown: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Whether there is a letter to be spoken."""
        return any(symbol.isalpha() for symbol in self.known)


def symbols_of(text: str) -> Symbols:
    """The symbols of a text: lower case, without accents, without what the vocabulary does not know."""
    bare = "".join(each for each in unicodedata.normalize("NFD", text) if unicodedata.category(each) != "Mn")
    known: list[str] = []
    unknown: dict[str, None] = {}
    for symbol in bare.translate(_LOOK_ALIKES).lower():
        if symbol == " ":
            if known and known[-1] != " ":
                known.append(symbol)
        elif symbol in VOCABULARY:
            known.append(symbol)
        else:
            unknown.setdefault(symbol)
    return Symbols("".join(known).rstrip(), tuple(unknown))
