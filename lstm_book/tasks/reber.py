"""Strings of a small grammar, and of that grammar inside another."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_shape, check_whole
from lstm_book.tasks._answers import check_draw, check_numbers

SYMBOLS = "BTSXPVE"
# State → (symbol, next state); two choices are equally probable. None ends the string.
_GRAMMAR: list[list[tuple[str, int | None]]] = [
    [("B", 1)],
    [("T", 2), ("P", 3)],
    [("S", 2), ("X", 4)],
    [("T", 3), ("V", 5)],
    [("X", 3), ("S", 6)],
    [("P", 4), ("V", 6)],
    [("E", None)],
]


@dataclass(frozen=True)
class EmbeddedReber:
    """Say after each symbol which ones may come next.

    A Reber string follows a grammar of seven states. An embedded one has another around it: B, then
    T or P, then a Reber string, then *the same* T or P, then E :cite:p:`hochreiter1997`. Who knows
    the grammar but not the second symbol is right everywhere but at one step.

    Args:
        steps: If given, strings follow one another without a sign until so many steps are full, and
            the last one is cut off: the continual form of :cite:t:`gers2000`. If None, each
            sequence is one string, and shorter ones are padded.

    Raises:
        ValueError: If there is no step.

    >>> x, y = EmbeddedReber().sample(1, generator=torch.Generator().manual_seed(0))
    >>> "".join(SYMBOLS[symbol] for symbol in x.argmax(-1)[:, 0])
    'BTBPTVVET'
    >>> ["".join(s for s, legal in zip(SYMBOLS, step) if legal) for step in y[:5, 0]]
    ['TP', 'B', 'TP', 'TV', 'TV']
    """

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            check_whole("steps", self.steps, 1)

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh strings.

        Args:
            batch: How many sequences, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, 7), one-hot, without each last symbol; and y of the same shape, 1
            where a symbol may come next. Both are 0 in the padding.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        rows = [self._sequence(generator) for _ in range(batch)]
        T = max((len(symbols) for symbols, _ in rows), default=0)
        x, y = torch.zeros(2, T, batch, len(SYMBOLS)).unbind()
        for n, (symbols, legal) in enumerate(rows):
            x[: len(symbols), n] = functional.one_hot(torch.tensor(symbols), len(SYMBOLS)).to(
                x.dtype
            )
            for t, choices in enumerate(legal):
                y[t, n, choices] = 1
        return x, y

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy against even odds for each legal symbol, in nats.

        Padding does not count; logits and y are (T, B, 7).
        """
        own = self._own(logits, y)
        return functional.cross_entropy(logits[own], y[own] / y[own].sum(-1, keepdim=True))

    def accuracy(self, logits: Tensor, y: Tensor) -> float:
        """Return the share of steps at which the legal symbols have the largest logits."""
        own = self._own(logits, y)
        lowest = logits[own].masked_fill(y[own] == 0, torch.inf).amin(-1)
        highest = logits[own].masked_fill(y[own] == 1, -torch.inf).amax(-1)
        return float((lowest > highest).float().mean())

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of who knows the grammar but not the second symbol.

        One step in each string is wrong. A Reber string has 8 symbols on average, the embedded one
        four more; there are as many predictions as symbols but the last, or as symbols in a stream.
        """
        predictions = 11 if self.steps is None else 12
        return {"the grammar, no memory of the second symbol": 1 - 1 / predictions}

    def _own(self, logits: Tensor, y: Tensor) -> Tensor:
        """Check shapes, and return which steps are no padding, (T, B)."""
        check_shape("y", y, "T B S", (None, None, len(SYMBOLS)))
        check_numbers("logits", logits, y, "T B S")
        return y.any(-1)

    def _sequence(self, generator: torch.Generator | None) -> tuple[list[int], list[list[int]]]:
        """Return the symbols of one sequence, and what may come after each."""
        symbols: list[int] = []
        legal: list[list[int]] = []
        while True:
            string, after = embedded_string(generator)
            symbols += string
            legal += [*after, [SYMBOLS.index("B")]]
            if self.steps is None:
                return symbols[:-1], legal[:-1]
            if len(symbols) >= self.steps:
                return symbols[: self.steps], legal[: self.steps]


def reber_string(generator: torch.Generator | None) -> tuple[list[int], list[list[int]]]:
    """Return the symbols of one Reber string, and what may come after each but the last."""
    symbols, legal = [], []
    state: int | None = 0
    while state is not None:
        choices = _GRAMMAR[state]
        legal.append([SYMBOLS.index(symbol) for symbol, _ in choices])
        drawn = int(torch.randint(len(choices), (), generator=generator))
        symbol, state = choices[drawn]
        symbols.append(SYMBOLS.index(symbol))
    return symbols, legal[1:]


def embedded_string(generator: torch.Generator | None) -> tuple[list[int], list[list[int]]]:
    """Return the symbols of an embedded Reber string, and what may come after each but the last."""
    B, T, P, E = (SYMBOLS.index(symbol) for symbol in "BTPE")
    second = (T, P)[int(torch.randint(2, (), generator=generator))]
    inner, after = reber_string(generator)
    return [B, second, *inner, second, E], [[T, P], [B], *after, [second], [E]]
