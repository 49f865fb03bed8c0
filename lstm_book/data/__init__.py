"""Real data: loaders that say where everything comes from, and download nothing."""

from lstm_book.data.digits import load_digits
from lstm_book.data.frozen import python_sources, python_text
from lstm_book.data.records import (
    SequenceDataset,
    Sequences,
    SourceFile,
    SourceParts,
    Sources,
    Text,
    TextParts,
)
from lstm_book.data.speech import Speech, synthetic_speech
from lstm_book.data.streams import contiguous_batches
from lstm_book.data.tags import CHARACTER_TAGS, tag_characters
from lstm_book.data.vowels import load_japanese_vowels

__all__ = [
    "CHARACTER_TAGS",
    "SequenceDataset",
    "Sequences",
    "SourceFile",
    "SourceParts",
    "Sources",
    "Speech",
    "Text",
    "TextParts",
    "contiguous_batches",
    "load_digits",
    "load_japanese_vowels",
    "python_sources",
    "python_text",
    "synthetic_speech",
    "tag_characters",
]
