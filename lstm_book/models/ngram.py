"""A model that counts: the peer of the character model."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lstm_book.checks import check_choice, check_type, check_whole
from lstm_book.models.sampling import draw
from lstm_book.models.vocabulary import Vocabulary

Smoothing = Literal["kneser-ney", "witten-bell"]


class _Table(NamedTuple):
    """The counts of one length k. A gram is known by its place in `keys`.

    Its key is V · (the place of its first k - 1 characters among the shorter grams) + its last one.
    """

    keys: Tensor  # sorted, (G,)
    counts: Tensor  # of each gram, (G,)
    totals: Tensor  # for each shorter gram, the sum of the counts of those that begin with it
    kinds: Tensor  # for each shorter gram, how many different characters follow it
    discount: float


class NGram:
    """Predict each next character from the few before it, by interpolated counts.

    The probability after n - 1 characters is mixed with that after n - 2, and so on down to the
    uniform one. How much the shorter context has to say is settled by

    * "witten-bell" :cite:p:`witten1991`: the number of different characters that followed, against
      the number of characters that did;
    * "kneser-ney" :cite:p:`kneser1995`, interpolated: a discount on each count, and for the shorter
      contexts, counts of the different characters *before* them instead of occurrences.

    Args:
        vocabulary: The characters, V of them; each has a probability above 0 after any context.
        order: The length n of the longest sequence that is counted.
        smoothing: "kneser-ney" or "witten-bell".

    Raises:
        ValueError: If the order is below 1, or the smoothing is none of the two.

    >>> model = NGram(Vocabulary("abr"), order=2, smoothing="witten-bell").fit("abra")
    >>> [round(p, 3) for p in model.probabilities("a").tolist()]  # "a" was followed by "b" once
    [0.214, 0.643, 0.143]
    """

    def __init__(
        self, vocabulary: Vocabulary, order: int, smoothing: Smoothing = "kneser-ney"
    ) -> None:
        self.vocabulary = check_type("vocabulary", vocabulary, Vocabulary, "a Vocabulary")
        self.order = check_whole("order", order, 1)
        check_choice("smoothing", smoothing, get_args(Smoothing))
        self.smoothing: Smoothing = smoothing
        self._tables: list[_Table] = []

    def fit(self, text: str) -> "NGram":
        """Count a text, in place of any before, and return the model.

        Raises:
            ValueError: If the text is shorter than the order, or holds an unknown character.
        """
        if len(check_type("text", text, str, "text")) < self.order:
            raise ValueError(
                f"expected a text of at least {self.order} characters, got {len(text)}"
            )
        numbers, V = self.vocabulary.encode(text), len(self.vocabulary)
        N = len(numbers)
        places = [torch.zeros(N + 1, dtype=torch.int64)]  # of the k-gram that begins at each step
        tables: list[_Table] = []
        for k in range(1, self.order + 1):
            keys, place, counts = torch.unique(
                places[-1][: N - k + 1] * V + numbers[k - 1 :],
                return_inverse=True,
                return_counts=True,
            )
            if tables and self.smoothing == "kneser-ney":
                # One of the steps where each gram begins; a step later its suffix does.
                step = torch.zeros_like(keys).scatter(0, place, torch.arange(len(place)))
                before = torch.bincount(places[-1][step + 1], minlength=len(tables[-1].keys))
                tables[-1] = tables[-1]._replace(counts=before)
            places.append(place)
            tables.append(_Table(keys, counts, counts, counts, 0.0))
        shorter = 1
        for k, table in enumerate(tables):
            prefix, own = table.keys // V, table.counts > 0
            once, twice = int((table.counts == 1).sum()), int((table.counts == 2).sum())
            tables[k] = table._replace(
                totals=torch.zeros(shorter).long().index_add(0, prefix, table.counts),
                kinds=torch.zeros(shorter).long().index_add(0, prefix, own.long()),
                discount=once / (once + 2 * twice) if once else 0.5,
            )
            shorter = len(table.keys)
        self._tables = tables
        return self

    @property
    def entries(self) -> int:
        """How many counts the model keeps."""
        return sum(len(table.keys) for table in self._tables)

    def probabilities(self, context: str) -> Tensor:
        """Return the probability of each character after a context, (V,) in float64.

        Args:
            context: What comes before, of any length; the last order - 1 characters count.

        Raises:
            ValueError: If the context holds an unknown character.
            RuntimeError: If nothing has been counted yet.
        """
        check_type("context", context, str, "text")
        V, last = len(self.vocabulary), max(len(context) - self.order + 1, 0)
        before = self.vocabulary.encode(context[last:])
        # One row for each character that may come next.
        rows = torch.cat([before.expand(V, -1), torch.arange(V)[:, None]], dim=1)
        return self._predict(rows)[:, -1]

    def bits(self, text: str, *, context: str = "") -> Tensor:
        """Return how many bits it takes to tell each next character of a contiguous text, (N,).

        Args:
            text: What to predict. Without a context its first character is only read, so that the
                number compares with that of `CharLM.bits_per_character`.
            context: What comes right before; read, but not counted.

        Returns:
            -log2 p(character | those before it), in float64.

        Raises:
            ValueError: If there is nothing to predict, or a character is unknown.
            RuntimeError: If nothing has been counted yet.
        """
        check_type("text", text, str, "text")
        check_type("context", context, str, "text")
        numbers = self.vocabulary.encode(context + text)
        first = max(len(context), 1)
        if len(numbers) <= first:
            raise ValueError("expected a text with at least one character to predict, got none")
        return -self._predict(numbers[None])[0, first:].log2()

    def bits_per_character(self, text: str, *, context: str = "") -> float:
        """Return the mean of `bits`; arguments and errors as there."""
        return float(self.bits(text, context=context).mean())

    def sample(
        self,
        prompt: str,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> str:
        """Continue a prompt; arguments and errors as for `CharLM.sample`, but it may be empty."""
        n = check_whole("n", n, 0)
        text = check_type("prompt", prompt, str, "text")
        for _ in range(n):
            logits = self.probabilities(text).log()
            text += self.vocabulary.characters[int(draw(logits, temperature, top_k, generator))]
        return text[len(prompt) :]

    def _predict(self, rows: Int[Tensor, "R N"]) -> Float[Tensor, "R N"]:
        """Return the probability of each character after those before it in its row."""
        if not self._tables:
            raise RuntimeError("expected a model that has counted a text: call fit first")
        V, N = len(self.vocabulary), rows.shape[1]
        p = torch.full(rows.shape, 1 / V, dtype=torch.float64)
        # The place of the (k - 1)-gram that begins at each step; -1 if it was never seen.
        place = torch.zeros(len(rows), N + 1, dtype=torch.int64)
        for k, table in enumerate(self._tables[:N], start=1):
            prefix = place[:, : N - k + 1]
            key = prefix * V + rows[:, k - 1 :]
            found = torch.searchsorted(table.keys, key).clamp(max=len(table.keys) - 1)
            seen = (table.keys[found] == key) & (prefix >= 0)
            counts = torch.where(seen, table.counts[found], 0).double()
            totals = table.totals[prefix.clamp(min=0)].double()
            kinds = table.kinds[prefix.clamp(min=0)].double()
            shorter = p[:, k - 1 :]
            if self.smoothing == "witten-bell":
                mixed = (counts + kinds * shorter) / (totals + kinds)
            else:
                kept = (counts - table.discount).clamp(min=0)
                mixed = (kept + table.discount * kinds * shorter) / totals
            p[:, k - 1 :] = torch.where((prefix >= 0) & (totals > 0), mixed, shorter)
            place = torch.where(seen, found, -1)
        return p


def best_ngram(
    train: str,
    validation: str,
    vocabulary: Vocabulary,
    orders: Iterable[int],
    smoothing: Smoothing = "kneser-ney",
) -> tuple[NGram, dict[int, float]]:
    """Choose an n-gram's order by what it costs to tell a validation text.

    Args:
        train: What is counted.
        validation: What comes right after it.
        vocabulary: The characters of both, and of what is to be tested.
        orders: The candidates.
        smoothing: As for `NGram`.

    Returns:
        The best model, and the bits per character of each order.

    Raises:
        ValueError: If there is no candidate, or as for `NGram`.
    """
    check_type("orders", orders, Iterable, "whole numbers")
    check_type("validation", validation, str, "text")
    models = [NGram(vocabulary, order, smoothing).fit(train) for order in orders]
    if not models:
        raise ValueError("expected at least one order, got none")
    scores = {
        model.order: model.bits_per_character(validation, context=train[-model.order :])
        for model in models
    }
    return min(models, key=lambda model: scores[model.order]), scores
