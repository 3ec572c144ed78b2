"""The symbols that the check of training data finds in a text are those that NeMo's tokenizer makes of it."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy.facts.english_characters import VOCABULARY, symbols_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what NeMo and its parts say of one another while they are loaded
    from nemo.collections.common.tokenizers.text_to_speech.tts_tokenizers import EnglishCharsTokenizer

TOKENIZER = EnglishCharsTokenizer(punct=True, apostrophe=True, pad_with_space=False)


def test_the_vocabulary_is_that_of_the_tokenizer() -> None:
    assert {token for token in TOKENIZER.tokens if len(token) == 1} == VOCABULARY


@given(
    st.text(st.characters(max_codepoint=0x24F) | st.sampled_from(" \u2019\u201c\u201d\u2014\u0130\ufb01"), max_size=30)
)
def test_symbols_are_those_of_the_tokenizer(text: str) -> None:
    assert symbols_of(text).known == TOKENIZER.decode(TOKENIZER.encode(text))


@pytest.mark.parametrize("text", ["At 7 o'clock!", "It\u2019s \u201cso\u201d  - caf\u00e9.", "", "  "])
def test_texts_of_people(text: str) -> None:
    assert symbols_of(text).known == TOKENIZER.decode(TOKENIZER.encode(text))
