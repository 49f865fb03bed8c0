"""How a loss reaches the cell states of a trained LSTM: through everything, and straight."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import Gates, LSTMState
from lstm_book.cells.weights import Direction
from lstm_book.gradients._check import full_precision
from lstm_book.gradients.bptt import lstm_backward
from lstm_book.layers import Unrolled
from lstm_book.layers.lengths import valid_steps
from lstm_book.recording.record import (
    DIRECTIONS,
    arranged,
    check_layer,
    has_projection,
    kernel_weights,
    reverse_steps,
    run_direction,
    summed,
    trace_steps,
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
    check_layer("gradient_paths", lstm)
    if not isinstance(x, Tensor):
        raise TypeError(f"expected x to be a torch.Tensor, got {type(x).__name__}; give lengths")
    if not callable(loss):
        raise TypeError(f"expected loss to be a function, got {type(loss).__name__}")
    directions = DIRECTIONS[: 1 + lstm.bidirectional]
    layer, direction = one_of(
        itertools.product(range(lstm.num_layers), directions), layer, direction
    )
    given = x
    x, initial, checked = arranged(lstm, x.detach(), hx, lengths)
    warn_of_dropout(lstm, "gradient_paths", stacklevel=5)
    x, initial = _followable(x), LSTMState(*map(_followable, initial))
    still = without_a_mode(lstm)
    if checked is not None:
        x = x.masked_fill(~valid_steps(checked.to(x.device), len(x))[..., None], 0)

    leaves: tuple[Tensor, Tensor] | None = None
    h_n, c_n = [], []
    for number in range(lstm.num_layers):
        outputs = []
        below = x
        for reverse, name in enumerate(directions):
            row = number * len(directions) + reverse
            weights = [_followable(w) for w in kernel_weights(still, number, name)]
            state = LSTMState(initial.h[row], initial.c[row])
            seen = reverse_steps(below, checked) if reverse else below
            with torch.set_grad_enabled(leaves is not None and number > layer):
                h, last = run_direction(weights, seen, state, checked)
            if (number, name) == (layer, direction):
                inputs, start, own_weights = seen, state, weights
                h, c = h.requires_grad_(), last.c.requires_grad_()
                leaves = (h, c)
                last = LSTMState(h[_last_steps(h, checked)], c)
            outputs.append((h, reverse))
            h_n.append(last.h)
            c_n.append(last.c)
        x = torch.cat([reverse_steps(h, checked) if r else h for h, r in outputs], dim=-1)
    assert leaves is not None
    final = LSTMState(torch.stack(h_n), torch.stack(c_n))
    own_h, own_c = _differentiate(loss, x, final, leaves, lstm, given)
    valid = None
    if checked is not None:  # zeros beyond a length are no outputs, whoever reads them
        valid = valid_steps(checked.to(x.device), len(x))[..., None]
        own_h = own_h * valid
    with torch.no_grad():
        paths = _through_time(own_weights, inputs, start, own_h, own_c, checked)
        if direction == "backward":
            paths = GradientPaths(*(reverse_steps(path, checked) for path in paths))
        if valid is None:
            return paths
        return GradientPaths(*(torch.where(valid, path, math.nan) for path in paths))


def _differentiate(
    loss: Loss,
    output: Tensor,
    state: LSTMState,
    leaves: tuple[Tensor, Tensor],
    lstm: nn.LSTM,
    given: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return what the loss asks of each h_t and of the last c, through the layers above only."""
    if given.dim() == 2:
        output, state = output.squeeze(1), LSTMState(*(s.squeeze(1) for s in state))
    elif lstm.batch_first:
        output = output.transpose(0, 1)
    value: Any = loss(output, state)
    if not isinstance(value, Tensor) or value.dim() != 0 or not value.requires_grad:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise RuntimeError(f"expected the loss to be a scalar that depends on the LSTM, got {got}")
    own_h, own_c = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    return own_h, own_c


def _last_steps(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return where each sequence of a (T, B, …) has its last step, as an index."""
    T, B = x.shape[:2]
    ends = torch.full((B,), T) if lengths is None else lengths
    return (ends - 1).to(x.device), torch.arange(B, device=x.device)


def _followable(tensor: Tensor) -> Tensor:
    """Return a tensor that autograd takes, without a graph, also of one from inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _through_time(
    weights: list[Tensor],
    x: Tensor,
    initial: LSTMState,
    own_h: Tensor,
    own_c: Tensor,
    lengths: Tensor | None,
) -> GradientPaths:
    """Go back through the steps of one direction, in the order in which it took them."""
    steps, _ = trace_steps(weights, x, initial, lengths)
    dtype, exact = own_h.dtype, torch.promote_types(own_h.dtype, torch.float32)
    i, f, g, o, c, h, x, h_0, c_0, own_h, own_c, *weights = (
        tensor.to(exact) for tensor in (*steps.tensors(), x, *initial, own_h, own_c, *weights)
    )
    projection = weights[-1] if has_projection(weights) else None
    run = Unrolled(LSTMState(h_0, c_0), LSTMState(h, c), Gates(i, f, g, o))
    read_c = torch.zeros_like(c)
    read_c[_last_steps(x, lengths)] = own_c
    with full_precision(x):
        gradients = lstm_backward(run, x, summed(weights), own_h, read_c, projection)
        shown = own_h if projection is None else own_h @ projection  # ∂L/∂(o_t tanh c_t)
    direct = shown * o * (1 - c.tanh() ** 2) + read_c
    for t in reversed(range(len(x) - 1)):
        direct[t].addcmul_(f[t + 1], direct[t + 1])
    return GradientPaths(gradients.c.to(dtype), gradients.h.to(dtype), direct.to(dtype))
