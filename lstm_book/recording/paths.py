"""How a loss reaches the cell states of a trained LSTM: through everything, and straight."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import Gates, LSTMState
from lstm_book.cells.weights import DIRECTIONS, Direction
from lstm_book.gradients.bptt import lstm_backward
from lstm_book.layers import Unrolled
from lstm_book.layers.arrange import arrange
from lstm_book.layers.kernel import (
    has_projection,
    kernel_weights,
    reverse_steps,
    run_kernel,
    summed,
)
from lstm_book.layers.stack import run_stack
from lstm_book.layers.unroll import full_precision, map_state
from lstm_book.recording.record import (
    check_layer,
    last_steps,
    run_with_gates,
    warn_of_dropout,
    without_a_mode,
)
from lstm_book.recording.trace import one_of

Loss = Callable[[Tensor, tuple[Tensor, Tensor]], Tensor]


class GradientPaths(NamedTuple):
    """The gradient of a loss at every step of one direction of one layer; each (T, B, H).

    Beyond the end of a sequence every value is NaN. The dtype is that of the layer's output; what
    is a half is computed in float32.

    Attributes:
        c: ∂L/∂c_t through every later step and every layer above.
        h: ∂L/∂h_t, likewise; (T, B, P) with a projection to P numbers.
        direct: What of ∂L/∂c_t comes straight along the cell: through forget gates alone to a step
            s ≥ t, and there through c_s, or through h_s with its gate held, to whatever reads it
            outside this layer. Equation :eq:`direct-path` for a loss that reads the last step.
    """

    c: Tensor
    h: Tensor
    direct: Tensor


@torch.inference_mode(False)
@torch.enable_grad()
def gradient_paths(
    lstm: nn.LSTM,
    x: Tensor,
    loss: Loss,
    hx: tuple[Tensor, Tensor] | None = None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    layer: int = 0,
    direction: Direction = "forward",
) -> GradientPaths:
    """Measure how a loss reaches the states of a trained LSTM at every step.

    PyTorch cannot tell: autograd sees a layer as one operation, without the cell states inside.
    Here the kernel runs forward, autograd goes back to what each step of the layer showed, and
    `bptt` goes on through time.

    Sequences do not mix in an LSTM. So where the loss is a sum over the batch, each sequence has
    its own gradient; where it is a mean, divided by B.

    No parameter's gradient and no mode is touched; dropout is off, and a warning says so if that
    makes a difference.

    Args:
        lstm: Any :class:`torch.nn.LSTM` or :class:`lstm_book.layers.LSTM`.
        x: (T, B, D), (B, T, D) if the layer has `batch_first`, or (T, D) for a single sequence.
        loss: Takes what the layer returns, output and (h_n, c_n) in the layer's own layout, and
            returns the scalar to be differentiated. It runs with gradients, also where the call
            stands under :func:`torch.no_grad` or in inference mode.
        hx: (h_0, c_0), as for a call; zeros if missing.
        lengths: How many steps each sequence has, (B,). Outputs beyond are zero, and (h_n, c_n)
            those of each last step, as in :class:`lstm_book.layers.LSTM`.
        layer: Whose states are meant, from 0.
        direction: "forward" or "backward".

    Returns:
        The gradients, time first and batched whatever the input is.

    Raises:
        TypeError: If the module is no `torch.nn.LSTM`, or has hooks or a `forward` of its own; x is
            packed; loss is no function; or lengths are no whole numbers.
        ValueError: If x has a wrong number of dimensions or dtype.
        KeyError: If there is no such layer or direction.
        RuntimeError: If a size does not fit, or the loss is no scalar that depends on the LSTM, or
            the call stands inside :func:`torch.vmap`.

    >>> _ = torch.manual_seed(0)
    >>> lstm, readout = nn.LSTM(input_size=3, hidden_size=5), nn.Linear(5, 1)
    >>> x, target = torch.randn(7, 2, 3), torch.randn(2, 1)
    >>> def loss(output, state):
    ...     return (readout(output[-1]) - target).square().sum()
    >>> paths = gradient_paths(lstm, x, loss)
    >>> paths.c.norm(dim=-1).shape, paths.direct.norm(dim=-1).shape
    (torch.Size([7, 2]), torch.Size([7, 2]))
    """
    check_layer("gradient_paths", lstm, nn.LSTM, "a torch.nn.LSTM")
    if not isinstance(x, Tensor):
        raise TypeError(f"expected x to be a torch.Tensor, got {type(x).__name__}; give lengths")
    if not callable(loss):
        raise TypeError(f"expected loss to be a function, got {type(loss).__name__}")
    names = list(itertools.product(range(lstm.num_layers), DIRECTIONS[: 1 + lstm.bidirectional]))
    wanted = one_of(names, layer, direction)
    batch = arrange(lstm, x, hx, lengths, name="x")
    warn_of_dropout(lstm, "gradient_paths", stacklevel=5)
    initial = [map_state(_followable, state) for state in batch.initial]
    batch = batch._replace(x=_followable(batch.x), initial=initial)
    still = without_a_mode(lstm)
    done: list[Any] = []  # what the wanted direction was given, did and shows

    def run(name: tuple[int, Direction], x: Tensor, state: LSTMState, valid: Any) -> Any:
        weights = [_followable(w) for w in kernel_weights(still, *name)]
        reverse = name[1] == "backward"
        if name != wanted:  # autograd begins at the states of the wanted direction
            with torch.set_grad_enabled(name[0] > wanted[0]):
                given = reverse_steps(x, batch.lengths) if reverse else x
                h, last = run_kernel(weights, given, state, batch.lengths)
                h = reverse_steps(h, batch.lengths) if reverse else h
            return Unrolled(state, h, (), reverse, last, valid)
        with torch.no_grad():
            own: Any = run_with_gates(weights, batch.lengths, name[1], x, state, valid)
        h, c = own.states.h.requires_grad_(), own.last.c.requires_grad_()
        ends = (0, slice(None)) if reverse else last_steps(x, batch.lengths)
        done.extend((own, x, weights, ends, (h, c)))
        return own._replace(states=h, last=LSTMState(h[ends], c))

    layers = [
        [partial(run, name) for name in names if name[0] == k] for k in range(lstm.num_layers)
    ]
    whole = run_stack(layers, batch)
    own, inputs, weights, ends, leaves = done
    read = _differentiate(loss, batch.returned(whole.output, whole.state), leaves)
    with torch.no_grad():
        paths = _through_time(own, inputs, weights, ends, *read)
        if batch.valid is None:
            return paths
        return GradientPaths(*(torch.where(batch.valid[..., None], p, math.nan) for p in paths))


def _differentiate(
    loss: Loss, returned: tuple[Tensor, LSTMState], leaves: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return what the loss asks of each h_t and of the last c, through the layers above only."""
    value: Any = loss(*returned)
    if not isinstance(value, Tensor) or value.dim() != 0 or not value.requires_grad:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise RuntimeError(f"expected the loss to be a scalar that depends on the LSTM, got {got}")
    own_h, own_c = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    return own_h, own_c


def _followable(tensor: Tensor) -> Tensor:
    """Return a tensor that autograd takes, without a graph, also of one from inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _through_time(
    run: Unrolled[LSTMState, Gates],
    x: Tensor,
    weights: list[Tensor],
    ends: Any,
    own_h: Tensor,
    own_c: Tensor,
) -> GradientPaths:
    """Go back through the steps of one direction."""
    dtype, exact = own_h.dtype, torch.promote_types(own_h.dtype, torch.float32)
    x, own_h, own_c, *weights = (v.detach().to(exact) for v in (x, own_h, own_c, *weights))
    initial, states, gates = (
        map_state(lambda v: v.detach().to(exact), part)
        for part in (run.initial, run.states, run.gates)
    )
    run = Unrolled(initial, states, gates, run.reverse, valid=run.valid)
    _, f, _, o = gates
    projection = weights[-1] if has_projection(weights) else None
    read_c = torch.zeros_like(states.c)
    read_c[ends] = own_c
    with full_precision(x):
        gradients = lstm_backward(run, x, summed(weights), own_h, read_c, projection)
        shown = own_h if projection is None else own_h @ projection  # ∂L/∂(o_t tanh c_t)
    direct = shown * o * (1 - states.c.tanh() ** 2) + read_c
    order = range(1, len(x)) if run.reverse else range(len(x) - 2, -1, -1)
    for t in order:
        after = t - 1 if run.reverse else t + 1
        direct[t].addcmul_(f[after], direct[after])
    return GradientPaths(gradients.c.to(dtype), gradients.h.to(dtype), direct.to(dtype))
