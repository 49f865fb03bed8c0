"""Checks that the entries of this room share: whose run it is, and what belongs to it.

The closed forms hold for one kind of cell each. A run of another one, or one that belongs to other
weights or inputs, would give numbers all the same, and wrong ones. So besides types and sizes the
equations themselves are checked on what the run holds: that costs one product.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_book.cells import Gates, LSTMState, Weights
from lstm_book.checks import check_like, check_shape, check_tensor, check_type
from lstm_book.layers import Unrolled
from lstm_book.layers.module import SQUASH
from lstm_book.layers.unroll import states_before


def check_lstm(run: Unrolled[LSTMState, Gates], projection: Tensor | None) -> Tensor:
    """Check that it is the run of an LSTM with forget gate, in one piece; return its c, (T, B, H).

    Raises:
        TypeError: If it is the run of another cell, or the projection is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit, or the projection is missing.
    """
    check_type("run", run, Unrolled, "an Unrolled, as unroll returns it")
    records = type(run.gates), type(run.states), type(run.initial)
    if run.mode not in ("LSTM", None) or records != (Gates, LSTMState, LSTMState):
        raise _another_cell(run, "an LSTM with forget gate")
    c = _check_states("the LSTM's states", run.states.c)
    T, B, H = c.shape
    P = H
    if projection is not None:
        P = check_shape("projection", projection, "P H", (None, H)).shape[0]
        check_like("projection", projection, "the states", c)
    elif check_tensor("the LSTM's h", run.states.h).shape[-1:] != c.shape[-1:]:
        raise RuntimeError(
            "expected h and c of one size, or the weights of the projection as well, got states of "
            f"shapes {tuple(run.states.h.shape)} and {tuple(c.shape)}"
        )
    _check_part(run.states.h, "T B H", (T, B, P), c)
    for gate in run.gates:
        _check_part(gate, "T B H", (T, B, H), c)
    for start, size in zip(run.initial, (P, H), strict=True):
        _check_part(start, "B H", (B, size), c)
    _check_valid(run.valid, c)
    return c


def check_rnn(run: Unrolled[Tensor, tuple[()]]) -> Tensor:
    """Check that it is the run of a simple RNN, in one piece; return its states, (T, B, H).

    Raises:
        TypeError: If it is the run of another cell.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit.
    """
    check_type("run", run, Unrolled, "an Unrolled, as unroll returns it")
    tensors = isinstance(run.states, Tensor) and isinstance(run.initial, Tensor)
    if run.mode not in (*SQUASH, None) or type(run.gates) is not tuple or run.gates or not tensors:
        raise _another_cell(run, "a simple RNN")
    h = _check_states("the RNN's states", run.states)
    _check_part(run.initial, "B H", h.shape[1:], h)
    _check_valid(run.valid, h)
    return h


def check_inputs(h: Tensor, x: Tensor, weights: Weights, rows: int, letters: str) -> Weights:
    """Check x and weights against the hidden states; return the weights, detached.

    Raises:
        TypeError: If x or a weight is no tensor, or there are not three weights.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit.
    """
    if not isinstance(weights, tuple) or len(weights) != 3:
        raise TypeError(f"expected weights to be Weights (W, U, b), got {type(weights).__name__}")
    W, U, b = weights
    D = check_shape("x", x, "T B D", (*h.shape[:2], None)).shape[-1]
    check_shape("W", W, f"{letters} D", (rows, D))
    check_shape("U", U, f"{letters} H", (rows, h.shape[-1]))
    if b is not None:
        check_shape("b", b, letters, (rows,))
    named = {"x": x, "W": W, "U": U} | ({} if b is None else {"b": b})
    for name, tensor in named.items():
        check_like(name, tensor, "the states", h)
    return Weights(W.detach(), U.detach(), None if b is None else b.detach())


def check_grad(name: str, grad: Tensor, state: Tensor, batch_first: bool = False) -> None:
    """Check a loss gradient against the states that it belongs to."""
    check_shape(name, grad, "B T H" if batch_first else "T B H", state.shape)
    check_like(name, grad, "the states", state)


def check_cell_follows(run: Unrolled[LSTMState, Gates], projection: Tensor | None) -> None:
    """Raise TypeError unless c and h follow from the gates as they do in an LSTM.

    They do not in cells that normalise, drop or zone out.
    """
    i, f, g, o = run.gates
    c_before, m = states_before(run).c, o * run.states.c.tanh()
    wanted = LSTMState(h=m if projection is None else m @ projection.T, c=f * c_before + i * g)
    for name, want, came in zip("hc", wanted, run.states, strict=True):
        if differs(came, want, want.abs(), run.valid):
            raise TypeError(
                "expected the run of an LSTM with forget gate, got one whose "
                f"{name} does not follow from its gates by the LSTM's equations"
            )


def check_gates_follow(run: Unrolled[LSTMState, Gates], x: Tensor, weights: Weights) -> None:
    """Raise ValueError unless the gates follow from x and the weights."""
    a, size = pre_activations(states_before(run).h, x, weights)
    squash = (torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid)
    for gate, squash_k, a_k in zip(run.gates, squash, a.chunk(4, dim=-1), strict=True):
        if differs(gate, squash_k(a_k), size, run.valid):
            raise _other_inputs("gates")


def rnn_mode(run: Unrolled[Tensor, tuple[()]], x: Tensor, weights: Weights) -> str:
    """Return the mode of a simple RNN's run, once its states follow from x and the weights.

    Raises:
        ValueError: If they do not.
    """
    a, size = pre_activations(states_before(run), x, weights)
    modes = SQUASH if run.mode is None else [run.mode]
    fitting = [mode for mode in modes if not differs(run.states, SQUASH[mode](a), size, run.valid)]
    if not fitting:
        raise _other_inputs("states")
    if len(fitting) == 1:
        return fitting[0]
    own = slice(None) if run.valid is None else run.valid
    return min(fitting, key=lambda mode: float((run.states - SQUASH[mode](a))[own].abs().sum()))


def mode_of_states(run: Unrolled[Tensor, tuple[()]], nonlinearity: str | None) -> str:
    """Return the mode of a simple RNN's run: as it says, as told, or as its states show.

    Raises:
        TypeError: If the states can come from neither tanh nor ReLU.
        ValueError: If they can come from both, or not from what was told.
    """
    told = None if nonlinearity is None else f"RNN_{nonlinearity.upper()}"
    if run.mode is not None:
        fitting = [run.mode]
    else:
        h = run.states if run.valid is None else run.states[run.valid]
        below, above = bool((h < 0).any()), bool((h.abs() > 1).any())
        fitting = ["RNN_TANH"] * (not above) + ["RNN_RELU"] * (not below)
        if not fitting:
            raise TypeError("expected the run of a simple RNN, got states below 0 and above 1")
        if told is None and len(fitting) > 1 and h.numel() and not h.isnan().any():
            raise ValueError(
                "expected nonlinearity, 'tanh' or 'relu', for the run of a function whose states "
                "all lie from 0 to 1, as those of both may, got None"
            )
    if told is not None and told not in fitting:
        raise ValueError(
            f"expected nonlinearity to be that of the run, got {nonlinearity!r} for one of "
            f"{' or '.join(fitting)}"
        )
    return told or fitting[0]


def pre_activations(h_before: Tensor, x: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Return x W^T + h U^T + b of all steps, and a bound on the size of what was added up."""
    W, U, b = weights
    a = x @ W.T + h_before @ U.T
    size = sum(v.norm(dim=-1, keepdim=True) * M.norm() for v, M in ((x, W), (h_before, U)))
    return (a, size) if b is None else (a + b, size + b.norm())


def differs(came: Tensor, wanted: Tensor, size: Tensor, valid: Tensor | None) -> bool:
    """Whether two tensors (T, B, N) differ at a step by more than rounding of numbers of a size.

    NaN differs from nothing: it shows in the result.
    """
    if came.numel() == 0:
        return False
    eps = torch.finfo(came.dtype).eps
    if came.device.type != "cpu":
        eps = max(eps, 2.0**-11)  # products may be rounded to so much there
    off = (came - wanted).abs_()
    try:
        if off.max() <= eps**0.5:
            return False
        wrong = off > eps**0.5 + 8 * eps * size
        return bool((wrong if valid is None else wrong & valid[..., None]).any())
    except RuntimeError as error:
        raise RuntimeError(
            "expected tensors with values that can be looked at, to check the run by its "
            "equations, got ones that cannot, as under torch.vmap: put what it maps over into the "
            "batch, or use gradient_flow or lag_norms"
        ) from error


def without_padding(x: Tensor, valid: Tensor | None) -> Tensor:
    """Return x with zeros where a sequence has no step; whatever is there, was not read."""
    return x if valid is None else x.masked_fill(~valid[..., None], 0)


def _check_states(name: str, states: Tensor) -> Tensor:
    """Check the states of a run that all else is measured by."""
    check_shape(name, states, "T B H", (None, None, None))
    if not states.is_floating_point():
        raise RuntimeError(f"expected {name} of a real floating-point dtype, got {states.dtype}")
    if len(states) == 0:
        raise RuntimeError("expected a run of at least one time step, got none")
    return states


def _check_part(part: Tensor, letters: str, sizes: tuple[int, ...], states: Tensor) -> None:
    """Check another tensor of a run against its states."""
    check_shape("every part of the run", part, letters, sizes)
    check_like("every part of the run", part, "its states", states)


def _check_valid(valid: Tensor | None, states: Tensor) -> None:
    """Check which steps of a run were taken."""
    if valid is not None:
        check_shape("the run's valid", valid, "T B", states.shape[:2])
        check_like("the run's valid", valid, "a mask", states.new_empty(0, dtype=torch.bool))


def _another_cell(run: Unrolled[Any, Any], wanted: str) -> TypeError:
    """Say which run came instead."""
    records = f"{type(run.states).__name__} states and {type(run.gates).__name__} gates"
    return TypeError(
        f"expected the run of {wanted}, got one with {records}"
        + ("" if run.mode is None else f" by {run.mode}")
    )


def _other_inputs(what: str) -> ValueError:
    """Say that a run belongs to something else."""
    return ValueError(
        f"expected the x and weights of the run, got some from which its {what} do not follow: "
        "those of another run, in another order, or of a cell with other equations"
    )
