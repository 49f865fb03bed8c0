"""One step of any layer as a map of a vector, s ↦ F(s; x), and its Jacobian ∂F/∂s, in float64."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from lstm_book.cells import DropoutState, GRUCell, LSTMCell, RNNCell, Weights
from lstm_book.cells.weights import read_tensor
from lstm_book.checks import check_shape, check_states, check_tensor
from lstm_book.gradients.jacobians import lstm_jacobians, recurrent_jacobians
from lstm_book.layers import Recurrent, Unrolled
from lstm_book.layers.module import Recurrence, read_module
from lstm_book.layers.plain import check_plain
from lstm_book.layers.read import RecurrentLayer, check_layer, weight_like
from lstm_book.layers.recurrent import _prepared
from lstm_book.modes import evaluation_twin

Step = Callable[[Tensor, Tensor], Tensor]
AT_ONCE = 2**18  # numbers of Jacobians that are worked on at a time: they stay in the cache


class StepMap:
    """One step of one layer in one direction.

    A state is a vector s, (B, N): the tensors that the cell carries, side by side, (h, c) for an
    LSTM. Dropout is off, whatever the mode.

    Args:
        who: The function that asks, for messages.
        layer: As for `lstm_book.layers.read`, with one layer and one direction.

    Attributes:
        step: Takes s (B, N) and x (B, D), returns F(s; x), (B, N).
        jacobian: Takes the same, returns ∂F/∂s, (B, N, N).

    Raises:
        TypeError: If it is no recurrent layer, does more than its class's equations, or carries a
            mask of dropout.
        ValueError: If it has several layers or directions.
    """

    def __init__(self, who: str, layer: RecurrentLayer) -> None:
        check_plain(who, check_layer("layer", layer))
        if layer.num_layers != 1 or layer.bidirectional:
            raise ValueError(
                f"expected one layer and one direction, got {layer.num_layers} layers in "
                f"{1 + layer.bidirectional} directions: each is a system of its own"
            )
        self.weight, self.features = weight_like(layer), layer.input_size
        x = self.weight.new_zeros(1, 1, self.features)
        part: Any = layer.cells[0] if isinstance(layer, Recurrent) else layer
        check_plain(who, part)
        self.zero: Any
        if type(part) in (LSTMCell, RNNCell) or isinstance(part, nn.LSTM | nn.RNN):
            given = read_module(who, part, x, None)
            self.zero = given.initial
            self.step, self.jacobian = _closed(_doubled(given), self)
        elif isinstance(part, nn.GRU) or type(part) is GRUCell:
            self.zero = x.new_zeros(1, part.hidden_size)
            self.step, self.jacobian = _gru(part)
        else:
            cell: Any = copy.deepcopy(_prepared(evaluation_twin(part))).double()
            self.zero = cell.zero_state(x[0].double())
            if isinstance(self.zero, DropoutState):
                raise TypeError(
                    f"expected a cell whose state moves, got {type(part).__name__}, which carries "
                    "its mask: without dropout it is an LSTM, so give its weights to one"
                )
            self.step, self.jacobian = _by_autograd(cell, self)

    def vector(self, name: str, state: Any, rows: int | None = None) -> Tensor:
        """Return a state of the cell's form, each tensor (B, H), as vectors s (B, N).

        Raises:
            TypeError: If it has another form.
            ValueError: If a tensor has not two dimensions, or a number is not finite.
            RuntimeError: If a size is wrong.
        """
        single = isinstance(self.zero, Tensor)
        fields = (name,) if single else tuple(f"{name}.{f}" for f in self.zero._fields)
        given = (state,) if single else check_states(name, state, fields)
        zeros = (self.zero,) if single else self.zero
        parts = []
        for field, tensor, zero in zip(fields, given, zeros, strict=True):
            if check_tensor(field, tensor).dim() and rows is None:
                rows = len(tensor)
            check_shape(field, tensor, "B H", (rows, zero.shape[-1]))
            parts.append(check_finite(field, tensor).to(self.weight.device, torch.float64))
        return torch.cat(parts, dim=-1).detach()

    def state(self, s: Tensor) -> Any:
        """Return vectors s (…, N) as a state of the cell's form, each tensor (…, H)."""
        if isinstance(self.zero, Tensor):
            return s
        return type(self.zero)(*torch.split(s, [zero.shape[-1] for zero in self.zero], dim=-1))

    def start(self, state: Any, batch: int) -> Tensor:
        """Return the vectors (B, N) that a run starts from: those given, or what the cell has."""
        if state is not None:
            return self.vector("state", state, batch)
        zero = self.zero if isinstance(self.zero, Tensor) else torch.cat(tuple(self.zero), -1)
        return zero.detach().double().expand(batch, -1).clone()


def at_once(batch: int, size: int) -> int:
    """Return how many steps' Jacobians, (B, N, N) each, are worked on at a time."""
    return max(1, AT_ONCE // max(1, batch * size**2))


def check_finite(name: str, tensor: Tensor) -> Tensor:
    """Raise ValueError where a number is NaN or infinite, RuntimeError if there are none real."""
    if not tensor.is_floating_point():
        raise RuntimeError(f"expected {name} of floating-point numbers, got {tensor.dtype}")
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"expected finite numbers in {name}, got NaN or infinity")
    return tensor


def join(state: Any) -> Tensor:
    """Return the tensors of a state side by side."""
    return state if isinstance(state, Tensor) else torch.cat(tuple(state), dim=-1)


def _doubled(given: Recurrence) -> Recurrence:
    """Return a recurrence in float64, without a graph."""
    W, U, b = (None if w is None else w.detach().double() for w in given.weights)
    assert W is not None
    assert U is not None
    projection = None if given.projection is None else given.projection.detach().double()
    return given._replace(weights=Weights(W, U, b), projection=projection)


def _closed(given: Recurrence, system: StepMap) -> tuple[Step, Step]:
    """An LSTM or simple RNN: the book's equations and closed forms."""

    def run(s: Tensor, x: Tensor) -> Unrolled[Any, Any]:
        return given._replace(x=x[None], initial=system.state(s)).run()

    def jacobian(s: Tensor, x: Tensor) -> Tensor:
        done, U = run(s, x), given.weights.U
        if given.mode == "LSTM":
            return lstm_jacobians(done, U, given.projection).matrix[0]
        return recurrent_jacobians(done, U, given.mode)[0]

    return lambda s, x: join(run(s, x).last), jacobian


def _gru(part: Any) -> tuple[Step, Step]:
    """A GRU: :eq:`gru-step`, h' = (1 - z) n + z h, and its derivative, gate by gate."""
    end = "_l0" if isinstance(part, nn.GRU) else ""
    # Without numbers of its own: to draw them would move the generator of whoever asks.
    cell = GRUCell(part.input_size, part.hidden_size, bias=part.bias, device="meta")
    read: Any = {name: read_tensor(part, name + end) for name, _ in cell.named_parameters()}
    cell.load_state_dict({name: w.detach().double() for name, w in read.items()}, assign=True)
    cell.requires_grad_(False)
    U_r, U_z, U_n = cell.get_parameter("weight_hh").chunk(3)
    b_n = cell.get_parameter("bias_hh").chunk(3)[2] if part.bias else None

    def step(s: Tensor, x: Tensor) -> Tensor:
        return cell.step(x, s)[0]

    def jacobian(s: Tensor, x: Tensor) -> Tensor:
        r, z, n = cell.step(x, s)[1]
        from_h = nn.functional.linear(s, U_n, b_n)
        through_n = (1 - z) * (1 - n**2)
        J = torch.diag_embed(z) + ((s - n) * z * (1 - z))[..., None] * U_z
        J += (through_n * r)[..., None] * U_n
        return J + (through_n * from_h * r * (1 - r))[..., None] * U_r

    return step, jacobian


def _by_autograd(cell: Any, system: StepMap) -> tuple[Step, Step]:
    """Any other cell: what its step does, and reverse-mode differentiation of it."""

    def step(s: Tensor, x: Tensor) -> Tensor:
        return join(cell.step(x, system.state(s))[0]).detach()

    def alone(s: Tensor, x: Tensor) -> Tensor:
        return join(cell.step(x[None], system.state(s[None]))[0])[0]

    return step, lambda s, x: vmap(jacrev(alone))(s, x).detach()
