"""From characters to the numbers a model reads, and back."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lstm_book.checks import check_shape, check_type, check_whole


@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows; each one's place is its number.

    Args:
        characters: The characters in order, each once.

    Raises:
        ValueError: If there are none, or one comes twice.

    >>> vocabulary = Vocabulary("abc")
    >>> vocabulary.encode("cab")
    tensor([2, 0, 1])
    >>> vocabulary.decode([1, 0])
    'ba'
    """

    characters: str

    def __post_init__(self) -> None:
        if not check_type("characters", self.characters, str, "text"):
            raise ValueError("expected at least one character, got none")
        if len(set(self.characters)) != len(self.characters):
            twice = sorted({c for c in self.characters if self.characters.count(c) > 1})
            raise ValueError(f"expected each character once, got {twice} more than once")

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """Return the characters of a text, in the order of their code points.

        Raises:
            ValueError: If the text is empty.
        """
        return cls("".join(sorted(set(check_type("text", text, str, "text")))))

    def __len__(self) -> int:
        """Return how many characters there are, V."""
        return len(self.characters)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters)}

    def encode(self, text: str) -> Tensor:
        """Return the number of each character, (N,) of int64.

        Raises:
            TypeError: If it is no text.
            ValueError: If the text holds a character that is not in the vocabulary.
        """
        check_type("text", text, str, "text")
        numbers = self._numbers
        try:
            return torch.tensor([numbers[character] for character in text], dtype=torch.int64)
        except KeyError as error:
            place = text.index(error.args[0])
            raise ValueError(
                f"expected characters of the vocabulary ({len(self)} of them), "
                f"got {error.args[0]!r} at position {place}"
            ) from None

    def decode(self, numbers: Tensor | list[int]) -> str:
        """Return the text of numbers (N,).

        Raises:
            TypeError: If these are no whole numbers.
            ValueError: If a tensor has not one dimension.
            IndexError: If a number stands for no character.
        """
        check_type("numbers", numbers, (Tensor, list, tuple), "a tensor or list of whole numbers")
        if isinstance(numbers, Tensor):
            check_shape("numbers", numbers, "N", (None,))
        values = numbers.tolist() if isinstance(numbers, Tensor) else numbers
        for value in values:
            if not 0 <= check_whole("a character's number", value) < len(self):
                raise IndexError(f"expected numbers from 0 to {len(self) - 1}, got {value}")
        return "".join(self.characters[value] for value in values)
