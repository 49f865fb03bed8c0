"""In which order did they come?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.checks import check_choice, check_whole
from lstm_book.tasks._answers import ClassAtTheEnd, check_draw, randint

Form = Literal["6a", "6b", "pascanu"]

# Where each of the two or three symbols can stand, as shares of the length.
_PLACES: dict[str, tuple[tuple[float, float], ...]] = {
    "6a": ((0.1, 0.2), (0.5, 0.6)),
    "6b": ((0.1, 0.2), (0.33, 0.43), (0.66, 0.76)),
    "pascanu": ((0.1, 0.2), (0.5, 0.6)),
}


@dataclass(frozen=True)
class TemporalOrder(ClassAtTheEnd):
    """Tell the order of a few X and Y that stand far apart among distractors.

    * "6a" :cite:p:`hochreiter1997`: two symbols, four classes; 100 to 110 steps, the first begins
      with E and the last ends with B. At the length of 100 the symbols stand at the steps 10 to 20
      and 50 to 60.
    * "6b": three symbols, eight classes; the steps 10 to 20, 33 to 43 and 66 to 76.
    * "pascanu" :cite:p:`pascanu2013`: as 6a, without E and B, at exactly T steps.

    The class is the order read as a binary number, X for 0 and Y for 1. Inputs are one-hot: a, b,
    c, d, X, Y, and E, B.

    Args:
        length: Steps T, at least 20. In 6a and 6b a batch's length is drawn from T to 1.1 T, and
            the places go with T.
        form: "6a", "6b" or "pascanu".

    Raises:
        ValueError: If there are too few steps, or no such form.

    >>> task = TemporalOrder(length=20, form="pascanu")
    >>> x, y = task.sample(1, generator=torch.Generator().manual_seed(0))
    >>> "".join("abcdXY"[token] for token in x.argmax(-1)[:, 0]), y.item()
    ('adYaddddbdbXadcaaacb', 2)
    """

    length: int = 100
    form: Form = "6a"

    def __post_init__(self) -> None:
        check_choice("form", self.form, tuple(_PLACES))
        check_whole("length", self.length, 20)

    @property
    def classes(self) -> int:  # type: ignore[override]
        """How many orders there are."""
        orders: int = 2 ** len(_PLACES[self.form])
        return orders

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw fresh sequences.

        Args:
            batch: How many, B.
            generator: Source of the draws.

        Returns:
            x of shape (T, B, 8), or 6 for "pascanu", one-hot, and the class y of shape (B,), int64.

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If the batch is negative.
        """
        batch = check_draw(batch, generator)
        marked = self.form != "pascanu"
        T = self.length
        steps = int(randint(T, T + T // 10, (1,), generator)) if marked else T
        tokens = randint(0, 3, (steps, batch), generator)
        if marked:
            tokens[0], tokens[-1] = 6, 7
        y = torch.zeros(batch, dtype=torch.int64)
        for low, high in _PLACES[self.form]:
            # The paper counts steps from 1 and includes both ends; Pascanu's intervals are open.
            first = round(low * T) - (1 if marked else 0)
            last = round(high * T) - 1
            places = randint(first, last, (batch,), generator)
            symbol = randint(0, 1, (batch,), generator)
            tokens[places, torch.arange(batch)] = 4 + symbol
            y = 2 * y + symbol
        return functional.one_hot(tokens, 8 if marked else 6).to(torch.get_default_dtype()), y

    def baselines(self) -> dict[str, float]:
        """Return the accuracy of a guess, and of knowing all symbols but the first."""
        return {"a guess": 1 / self.classes, "all but the first": 0.5}
