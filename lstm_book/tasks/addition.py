"""Adding two whole numbers, read and written character by character."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_shape, check_type, check_whole
from lstm_book.models.vocabulary import Vocabulary
from lstm_book.tasks.teacher_forcing import TeacherForced, answers_in, named

STOP = "$"
VOCABULARY = Vocabulary("0123456789+" + STOP)


class Sums(NamedTuple):
    """A batch of additions as tokens, for teacher forcing. Time first; padding is 0.

    Attributes:
        source: The questions, (S, B).
        source_lengths: Their characters, (B,).
        target_in: The stop token, then the answer: what the decoder sees, (T, B).
        target_out: The answer, then the stop token: what it shall say, (T, B).
        target_lengths: Characters of the answer and its stop token, (B,).
    """

    source: Tensor
    source_lengths: Tensor
    target_in: Tensor
    target_out: Tensor
    target_lengths: Tensor


@dataclass(frozen=True)
class Addition:
    """Read "12+7", write "19$".

    The set-up is that of the addition example that Keras has had for years: each number's count of
    digits is drawn first, 1 to `digits`, then the number among all below 10^count; and no two
    numbers are added twice, in whichever order. Here questions and answers keep their own lengths
    instead of being padded with spaces, and the end is a token of its own, "$".

    Args:
        digits: Largest number of digits of a number, from 1 to 15.
        reverse: Whether the question is read from its end, "7+21": then the digits that are needed
            first are the last ones read :cite:p:`sutskever2014`.

    Raises:
        TypeError: If `digits` is no whole number, or `reverse` neither True nor False.
        ValueError: If there is no digit, or there are more than 15.

    >>> task = Addition(digits=2, reverse=True)
    >>> sums = task.encode([(12, 7)])
    >>> task.vocabulary.decode(sums.source[:, 0])
    '7+21'
    >>> task.vocabulary.decode(sums.target_in[:, 0]), task.vocabulary.decode(sums.target_out[:, 0])
    ('$19', '19$')
    >>> task.decode(sums.target_out)
    ['19']
    """

    digits: int = 3
    reverse: bool = True

    def __post_init__(self) -> None:
        check_whole("digits", self.digits, 1, 15)  # beyond, a float64 does not tell all numbers
        check_type("reverse", self.reverse, bool, "True or False")

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters of questions and answers."""
        return VOCABULARY

    @property
    def stop(self) -> int:
        """The token that ends an answer, and that the decoder sees first."""
        return VOCABULARY.characters.index(STOP)

    @property
    def max_length(self) -> int:
        """Largest number of tokens of an answer with its stop token."""
        return self.digits + 2

    def split(
        self, train: int = 50_000, test: int = 2_000, *, generator: torch.Generator | None = None
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Draw pairs for training and others for testing; a + b and b + a count as the same.

        If that takes more than half of all pairs there are, they are drawn evenly among all,
        because drawing the count of digits first would hardly ever find the last ones.

        Args:
            train: How many distinct pairs to train on.
            test: How many others to test on.
            generator: Source of the draws.

        Returns:
            The training pairs and the test pairs, in random order.

        Raises:
            TypeError: If a count is no whole number, or the generator is none.
            ValueError: If a count is negative, or there are not so many pairs.
        """
        train, test = check_whole("train", train, 0), check_whole("test", test, 0)
        if generator is not None:
            check_type("generator", generator, torch.Generator, "a torch.Generator or None")
        numbers = 10**self.digits
        possible = numbers * (numbers + 1) // 2
        if train + test > possible:
            raise ValueError(
                f"expected at most {possible} pairs of numbers below {numbers}, "
                f"got {train} + {test}"
            )
        if 2 * (train + test) > possible:
            pairs = [(a, b) for a in range(numbers) for b in range(a, numbers)]
            order = torch.randperm(len(pairs), generator=generator)[: train + test]
            drawn = dict.fromkeys(pairs[place] for place in order.tolist())
        else:
            drawn = {}
            while len(drawn) < train + test:
                for a, b in self._draw(train + test, generator):
                    if len(drawn) < train + test:
                        drawn.setdefault((min(a, b), max(a, b)))
        # Short numbers were found early: shuffle, so that both parts hold as many of them.
        found = list(drawn)
        order = torch.randperm(len(found), generator=generator)
        swap = torch.rand(len(found), generator=generator) < 0.5
        pairs = [
            found[place][::-1] if swapped else found[place]
            for place, swapped in zip(order.tolist(), swap.tolist(), strict=True)
        ]
        return pairs[:train], pairs[train:]

    def encode(self, pairs: list[tuple[int, int]]) -> Sums:
        """Turn pairs of numbers into padded tokens.

        Raises:
            TypeError: If these are no pairs of whole numbers.
            ValueError: If there is no pair, or a number is negative or has too many digits.
        """
        check_type("pairs", pairs, (list, tuple), "a list of pairs")
        if not pairs:
            raise ValueError("expected at least one pair, got none")
        for pair in pairs:
            if len(check_type("a pair", pair, (list, tuple), "two numbers")) != 2:
                raise ValueError(f"expected pairs of numbers, got {pair}")
            for number in pair:
                check_whole("a number to add", number, 0, 10**self.digits - 1)
        questions = [f"{a}+{b}" for a, b in pairs]
        if self.reverse:
            questions = [question[::-1] for question in questions]
        answers = [str(a + b) for a, b in pairs]
        source, source_lengths = _pad(questions)
        target_in, target_lengths = _pad([STOP + answer for answer in answers])
        target_out, _ = _pad([answer + STOP for answer in answers])
        return Sums(source, source_lengths, target_in, target_out, target_lengths)

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the answers in tokens (T, B), each up to its stop token or to the end.

        Raises:
            TypeError: If the tokens are no tensor of whole numbers.
            ValueError: If they have not two dimensions.
            IndexError: If a token before the stop token is unknown.
        """
        return answers_in(tokens, VOCABULARY, self.stop)

    def accuracy(self, tokens: Tensor, sums: Sums) -> tuple[float, float]:
        """Score answers, such as those of greedy decoding.

        Args:
            tokens: What was written, (T', B), T' of any size.
            sums: The questions and right answers.

        Returns:
            The share of right characters, the stop token counted as one and a missing one wrong,
            and the share of answers that are right as a whole, the stop token included.

        Raises:
            TypeError: If the tokens are no tensor, or the sums are none.
            ValueError: If the tokens have not two dimensions.
            RuntimeError: If there is not one answer for each question.
        """
        _check_sums(sums)
        T, B = sums.target_out.shape
        check_shape("tokens", tokens, "T B", (None, B))
        written = torch.full((T, B), -1)
        written[: len(tokens)] = tokens[:T].cpu()
        valid = torch.arange(T)[:, None] < sums.target_lengths
        right = (written == sums.target_out) & valid
        whole = right.sum(0) == sums.target_lengths
        return float(right.sum() / valid.sum()), float(whole.float().mean())

    def baselines(self, sums: Sums) -> dict[str, float]:
        """Return the shares of right characters of answers that read no question.

        Args:
            sums: The questions that are scored.

        Returns:
            The accuracy per character of a guess among all tokens, and of the token that is the
            most frequent one at its place.

        Raises:
            TypeError: If these are no sums.
            ValueError: If a part of them has a wrong number of dimensions.
            RuntimeError: If their parts do not fit together.
        """
        _check_sums(sums)
        T = len(sums.target_out)
        valid = torch.arange(T)[:, None] < sums.target_lengths
        hits = sum(
            int(torch.bincount(tokens[own]).max())
            for tokens, own in zip(sums.target_out, valid, strict=True)
            if bool(own.any())
        )
        return {
            "any token": 1 / len(VOCABULARY),
            "the most frequent token of each place": hits / int(valid.sum()),
        }

    def _draw(self, count: int, generator: torch.Generator | None) -> list[tuple[int, int]]:
        """Draw pairs: first how many digits, then the number."""
        below = 10 ** torch.randint(1, self.digits + 1, (count, 2), generator=generator)
        share = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        numbers = (share * below).long()
        return [(a, b) for a, b in numbers.tolist()]


@dataclass(frozen=True)
class Questions(TeacherForced):
    """Pairs of numbers as a data set for :func:`~lstm_book.training.fit`, with teacher forcing.

    Args:
        task: Writes them down.
        pairs: The numbers to add.

    Raises:
        TypeError: If an argument is of another kind.

    >>> len(Questions(Addition(digits=2), [(12, 7), (3, 4)]))
    2
    """

    task: Addition
    pairs: list[tuple[int, int]]

    def __post_init__(self) -> None:
        check_type("task", self.task, Addition, "an Addition")
        check_type("pairs", self.pairs, (list, tuple), "a list of pairs")

    def __len__(self) -> int:
        """Return how many pairs there are."""
        return len(self.pairs)

    def batch(self, places: Tensor) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Return what the model is called with for some pairs; right answers and their lengths.

        Raises:
            TypeError: If the places are no tensor of int64.
            ValueError: If they have not one dimension.
            IndexError: If there is no such pair.
        """
        check_shape("places", places, "n", (None,))
        if places.dtype != torch.int64:
            raise TypeError(f"expected places of torch.int64, got {places.dtype}")
        if places.numel() and not 0 <= int(places.min()) <= int(places.max()) < len(self.pairs):
            raise IndexError(f"expected places from 0 to {len(self.pairs) - 1}, got others")
        sums = self.task.encode([self.pairs[place] for place in places.tolist()])
        inputs = named(sums.source, sums.source_lengths, sums.target_in, sums.target_lengths)
        return inputs, (sums.target_out, sums.target_lengths)


def _check_sums(sums: Sums) -> None:
    """Check that answers and their lengths fit together."""
    check_type("sums", sums, Sums, "the result of encode")
    T, B = check_shape("sums.target_out", sums.target_out, "T B", (None, None)).shape
    lengths = check_shape("sums.target_lengths", sums.target_lengths, "B", (B,))
    if lengths.dtype != torch.int64 or sums.target_out.dtype != torch.int64:
        raise RuntimeError("expected answers and their lengths as torch.int64, got other dtypes")
    if B == 0 or not 1 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise RuntimeError(f"expected lengths of answers from 1 to T={T}, got {lengths.tolist()}")


def _pad(texts: list[str]) -> tuple[Tensor, Tensor]:
    """Return tokens (T, B), zero beyond each length, and the lengths (B,)."""
    rows = [VOCABULARY.encode(text) for text in texts]
    return (
        torch.nn.utils.rnn.pad_sequence(rows),
        torch.tensor([len(text) for text in texts]),
    )
