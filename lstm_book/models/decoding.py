"""Searching for the most probable sequence."""

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_book.checks import check_number, check_shape, check_type, check_whole


class Hypothesis(NamedTuple):
    """A sequence that a search came to.

    Attributes:
        tokens: Its tokens, with the stop token if it has ended.
        log_probability: The sum of its tokens' log-probabilities, in nats.
        score: log_probability / length^alpha, what hypotheses are ranked by.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float


class BeamSearch(NamedTuple):
    """What a beam search found, and the way it took.

    Attributes:
        hypotheses: All that ended or reached the largest length, best score first.
        kept: For each step, the hypotheses that were kept then, most probable first: the tree.
    """

    hypotheses: list[Hypothesis]
    kept: list[list[Hypothesis]]


def beam_search(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    state: Any,
    *,
    start: int,
    stop: int,
    width: int,
    max_length: int,
    length_norm: float = 0.0,
    select: Callable[[Any, Tensor], Any],
) -> BeamSearch:
    """Keep the `width` most probable beginnings at every step.

    Those that end with the stop token leave the beam. So width 1 takes the most probable token each
    time, and a width of V^max_length keeps everything.

    Args:
        step: Takes the last tokens (N,) and a state of N rows, and returns log-probabilities (N, V)
            of the next token and the new state.
        state: The state of one row before the start token.
        start: The token that the first step sees.
        stop: The token that ends a sequence.
        width: How many beginnings to keep.
        max_length: Largest number of tokens, the stop token included.
        length_norm: The exponent alpha of the length that divides a log-probability
            :cite:p:`wu2016`. 0 compares sums, which favours short sequences; 1 compares means.
        select: Takes a state and row numbers (N,), and returns the state of these rows.

    Returns:
        All hypotheses, best first, and those kept at each step.

    Raises:
        TypeError: If an argument has the wrong type, or `step` does not return what it should.
        ValueError: If width or max_length is below 1, or length_norm is negative, not finite, or so
            large that max_length to its power is no number.
        RuntimeError: If log-probabilities have not one row for each beginning, or start or stop is
            none of the V tokens.
        FloatingPointError: If a log-probability is NaN.
    """
    check_type("step", step, Callable, "a function")  # type: ignore[arg-type]
    check_type("select", select, Callable, "a function")  # type: ignore[arg-type]
    start, stop = check_whole("start", start, 0), check_whole("stop", stop, 0)
    width, max_length = check_whole("width", width, 1), check_whole("max_length", max_length, 1)
    length_norm = check_number("length_norm", length_norm, 0)
    if length_norm * math.log(max_length) > math.log(sys.float_info.max):
        raise ValueError(f"expected {max_length}^length_norm to be finite, got {length_norm}")
    ended: list[Hypothesis] = []
    kept: list[list[Hypothesis]] = []
    beam = [Hypothesis((), 0.0, 0.0)]
    tokens = torch.tensor([start])
    for length in range(1, max_length + 1):
        log_probabilities, state = step(tokens, state)
        check_shape("log-probabilities", log_probabilities, "N V", (len(beam), None))
        V = log_probabilities.shape[-1]
        if max(start, stop) >= V:
            raise RuntimeError(f"expected start and stop from 0 to {V - 1}, got {start}, {stop}")
        if log_probabilities.isnan().any():
            raise FloatingPointError(f"expected log-probabilities, got NaN at step {length}")
        so_far = torch.tensor([one.log_probability for one in beam], dtype=torch.float64)
        totals = (so_far[:, None] + log_probabilities.cpu().double()).flatten()
        # A stable sort: of equals the first, as argmax does.
        best = totals.sort(descending=True, stable=True).indices[:width].tolist()
        grown = [
            Hypothesis(
                (*beam[index // V].tokens, index % V),
                float(totals[index]),
                float(totals[index]) / length**length_norm,
            )
            for index in best
        ]
        kept.append(grown)
        going = [place for place, one in enumerate(grown) if one.tokens[-1] != stop]
        ended += [one for one in grown if one.tokens[-1] == stop]
        beam = [grown[place] for place in going]
        if not beam:
            break
        state = select(state, torch.tensor([best[place] // V for place in going]))
        tokens = torch.tensor([one.tokens[-1] for one in beam])
    return BeamSearch(sorted(ended + beam, key=lambda one: -one.score), kept)
