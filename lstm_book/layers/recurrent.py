"""Any cell as a layer: stacked, in two directions, over sequences of different lengths."""

import inspect
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NoReturn

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_book.checks import cast_dtype, check_number, check_tensor, check_type, check_whole
from lstm_book.layers.lengths import check_lengths
from lstm_book.layers.stack import MOST_LAYERS, RecurrentRun, RunDirection, run_stack
from lstm_book.layers.unroll import map_state, unroll


class Recurrent(nn.Module):
    """Run any cell over time: one of ours, or any module with the same four things.

    These are ``input_size``, ``hidden_size``, ``step(x_t, state) -> (state, gates)`` and
    ``zero_state(x_t)``. The given cell becomes the first layer's forward direction. Further layers
    and directions are new cells of its class, built with the same arguments; so a cell keeps each
    argument of its constructor as an attribute of that name, as ours do. (`device` and `dtype` are
    taken from its parameters.) It is `step` that is called and not the cell: a `forward` of its own
    and hooks would have no say, so they are refused; normed and pruned weights are as they should.

    The hidden state, which is the output and the input of the next layer, is the state's field
    ``h``, or the state itself if it is a tensor.

    Args:
        cell: The cell.
        num_layers: How many layers are stacked.
        bidirectional: Whether each layer also reads backwards.
        batch_first: Whether input and output are (B, T, …) instead of (T, B, …). Not the states.
        dropout: Probability of zeroing an output between two layers, while training.

    Raises:
        TypeError: If the cell lacks one of the four, or an attribute named as an argument, or an
            argument has the wrong type.
        ValueError: If there is no layer, or dropout is no probability.

    >>> import torch
    >>> from lstm_book.cells import PeepholeLSTMCell
    >>> layer = Recurrent(PeepholeLSTMCell(input_size=3, hidden_size=5), bidirectional=True)
    >>> output, state = layer(torch.zeros(7, 2, 3), lengths=[7, 4])
    >>> output.shape, state.c.shape
    (torch.Size([7, 2, 10]), torch.Size([2, 2, 5]))
    """

    def __init__(
        self,
        cell: nn.Module,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        batch_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        lacking = [name for name in ("input_size", "hidden_size") if not hasattr(cell, name)] + [
            name for name in ("step", "zero_state") if not callable(getattr(cell, name, None))
        ]
        if lacking or not isinstance(cell, nn.Module):
            raise TypeError(
                "expected a cell, a module with input_size, hidden_size, step and zero_state, "
                f"got {type(cell).__name__}" + (f" without {', '.join(lacking)}" if lacking else "")
            )
        num_layers = check_whole("num_layers", num_layers, 1, MOST_LAYERS)
        check_type("bidirectional", bidirectional, bool, "True or False")
        check_type("batch_first", batch_first, bool, "True or False")
        dropout = check_number("dropout", dropout, 0, 1)
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout acts between layers only, so with num_layers=1 it does nothing "
                f"(dropout={dropout})",
                stacklevel=2,
            )
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.batch_first, self.dropout = batch_first, dropout
        self.input_size = check_whole("the cell's input_size", cell.input_size, 0)
        self.hidden_size = check_whole("the cell's hidden_size", cell.hidden_size, 0)
        directions = 1 + bidirectional
        sizes = [self.input_size] * directions
        sizes += [self.hidden_size * directions] * (directions * (num_layers - 1))
        self.cells = nn.ModuleList([cell, *(sibling(cell, size) for size in sizes[1:])])

    def extra_repr(self) -> str:
        """What differs from the defaults."""
        defaults = {"num_layers": 1, "bidirectional": False, "batch_first": False, "dropout": 0.0}
        return ", ".join(
            f"{name}={getattr(self, name)}"
            for name, default in defaults.items()
            if getattr(self, name) != default
        )

    def __prepare_scriptable__(self) -> NoReturn:
        """Answer `torch.jit.script`, also where the layer is inside another module."""
        raise TypeError(
            "expected a layer that torch.jit.script can compile, got Recurrent, which runs any "
            "cell; trace it, for one number of steps, or use what an LSTM's to_torch() returns"
        )

    def forward(
        self, input: Tensor, hx: Any = None, lengths: Tensor | Sequence[int] | None = None
    ) -> tuple[Tensor, Any]:
        """Run the layer over a batch of sequences.

        Args:
            input: (T, B, D), (B, T, D) with `batch_first`, or (T, D) for a single sequence.
            hx: The states before the first step, as the cell has them; each tensor
                (layers · directions, B, H), without B for a single sequence. What the cells'
                `zero_state` returns, if missing.
            lengths: How many steps each sequence has, (B,), in any order, from 1 to T. What lies
                beyond is ignored: outputs there are zero, final states come from each last step.

        Returns:
            The last layer's outputs, (T, B, directions · H) or as the input is, and the states
            after the last step, in the form of hx.

        Raises:
            TypeError: If input is no tensor, hx not what the cell carries, lengths are no whole
                numbers, or a cell has hooks or a `forward` that would not be called.
            ValueError: If the input has a wrong number of dimensions or dtype, or lengths come with
                a single sequence.
            RuntimeError: If a size does not fit, T = 0, or lengths are out of range.
        """
        run = self._run(input, hx, lengths, trace=False)
        if input.dim() == 2:
            return run.output.squeeze(1), map_state(lambda tensor: tensor.squeeze(1), run.state)
        return run.output.transpose(0, 1) if self.batch_first else run.output, run.state

    def run(
        self, input: Tensor, hx: Any = None, lengths: Tensor | Sequence[int] | None = None
    ) -> RecurrentRun[Any, Any]:
        """Run the layer and keep what every layer and direction did.

        Args:
            input: As for `forward`.
            hx: As for `forward`.
            lengths: As for `forward`.

        Returns:
            Output, final state, and states and gates of every step; time first and batched.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`.
            RuntimeError: As `forward`.
        """
        return self._run(input, hx, lengths, trace=True)

    def _run(self, input: Tensor, hx: Any, lengths: Any, *, trace: bool) -> RecurrentRun[Any, Any]:
        """Run every layer and direction, with or without a trace of every step."""
        x = self._input(input, hx)
        if lengths is not None:
            if input.dim() != 3:
                raise ValueError(f"expected a batched 3-D input with lengths, got {input.dim()}-D")
            lengths = check_lengths(lengths, *x.shape[:2])
        directions = 1 + self.bidirectional
        cells: list[Any] = list(self.cells)
        for cell in cells:
            _prepare(cell)
        layers: list[list[RunDirection[Any, Any]]] = [
            [
                partial(_run_cell, cells[layer * directions + reverse], bool(reverse), trace)
                for reverse in range(directions)
            ]
            for layer in range(self.num_layers)
        ]
        # A reparametrised weight is computed once for all steps.
        again = any(parametrize.is_parametrized(part) for part in self.cells.modules())
        with parametrize.cached() if again else nullcontext():
            return run_stack(
                layers,
                x,
                self._initial(x, hx, batched=input.dim() == 3),
                lengths=lengths,
                dropout=self.dropout if self.training else 0.0,
            )

    def _input(self, input: Tensor, hx: Any) -> Tensor:
        """Bring the input to (T, B, D); check in torch's order, so that classes are torch's."""
        if check_tensor("input", input).dim() not in (2, 3):
            raise ValueError(
                f"expected input of 2 or 3 dimensions, got {input.dim()} "
                f"(shape {tuple(input.shape)})"
            )
        for state in hx if isinstance(hx, tuple | list) else (hx,):
            if isinstance(state, Tensor) and state.dim() != input.dim():
                raise RuntimeError(
                    f"expected states of {input.dim()} dimensions, as the input, got one of shape "
                    f"{tuple(state.shape)}"
                )
        weight = _weight(self)
        if weight is not None and cast_dtype(input) != cast_dtype(weight):
            raise ValueError(
                f"expected input of dtype {weight.dtype}, as the cells, got {input.dtype}"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"expected input with input_size={self.input_size} features, "
                f"got {input.shape[-1]} (shape {tuple(input.shape)})"
            )
        if input.dim() == 2:
            x = input[:, None]
        else:
            x = input.transpose(0, 1) if self.batch_first else input
        if len(x) == 0:
            raise RuntimeError(
                f"expected at least one time step, got input of shape {tuple(input.shape)}"
            )
        return x

    def _initial(self, x: Tensor, hx: Any, batched: bool) -> list[Any]:
        """Return the state before the first step of each layer and direction."""
        cells: list[Any] = list(self.cells)
        if hx is None:
            return [cell.zero_state(x[0]) for cell in cells]
        like = cells[0].zero_state(x[0])
        kind = type(cells[0]).__name__
        if isinstance(like, Tensor):
            hx = self._rows("hx", hx, like, batched)
            return [hx[row] for row in range(len(cells))]
        fields = ", ".join(like._fields)
        if not isinstance(hx, tuple | list):
            raise TypeError(f"{kind}: expected hx to be ({fields}), got {type(hx).__name__}")
        if len(hx) != len(like):
            raise RuntimeError(f"{kind}: expected hx to be ({fields}), got {len(hx)} states")
        hx = [
            self._rows(name, tensor, field, batched)
            for name, tensor, field in zip(like._fields, hx, like, strict=True)
        ]
        return [type(like)(*(tensor[row] for tensor in hx)) for row in range(len(cells))]

    def _rows(self, name: str, tensor: Any, like: Tensor, batched: bool) -> Tensor:
        """Check one tensor of the initial state; return it batched."""
        got = tuple(check_tensor(name, tensor).shape)
        wanted = (len(self.cells), *(like.shape if batched else like.shape[1:]))
        if got != wanted:
            raise RuntimeError(
                f"expected {name} of shape {wanted}, {self.num_layers} layers in "
                f"{1 + self.bidirectional} directions, got {got}"
            )
        rows: Tensor = tensor if batched else tensor[:, None]
        return rows


def sibling(cell: nn.Module, input_size: int) -> nn.Module:
    """Build a new cell with the arguments of another one, for another input size.

    Args:
        cell: A cell that keeps its constructor's arguments as attributes.
        input_size: Features of the new cell's input.

    Returns:
        A cell of the same class with parameters of its own, on the same device, in the same mode.

    Raises:
        TypeError: If an argument is no attribute, or weights are reparametrised or pruned, which
            the new cell's would not be.
    """
    kind = type(cell).__name__
    if parametrize.is_parametrized(cell) or cell._forward_pre_hooks:
        raise TypeError(
            f"cannot build another {kind}: its weights are reparametrised or pruned; do so with "
            "each of the layer's `cells` once they are built"
        )
    parameter = next(cell.parameters(), None)
    arguments: dict[str, Any] = {}
    for name in inspect.signature(type(cell)).parameters:
        if name in ("device", "dtype"):
            arguments[name] = getattr(parameter, name, None)
        elif hasattr(cell, name):
            arguments[name] = getattr(cell, name)
        else:
            raise TypeError(
                f"cannot build another {kind}: its argument {name!r} is not kept as an attribute"
            )
    return type(cell)(**arguments | {"input_size": input_size}).train(cell.training)


def _run_cell(
    cell: Any, reverse: bool, trace: bool, x: Tensor, initial: Any, valid: Tensor | None
) -> Any:
    """Run one cell in one direction."""
    return unroll(cell.step, x, initial, valid=valid, reverse=reverse, trace=trace)


def _prepare(cell: nn.Module) -> None:
    """Do before a run what calling the cell would do; refuse what only a call can do."""
    kind = type(cell)
    stepping: Any = next((base for base in kind.__mro__ if "step" in vars(base)), kind)
    if stepping.forward not in (kind.forward, nn.Module.forward) or "forward" in vars(cell):
        raise TypeError(
            f"expected a cell whose step does all, got {kind.__name__} with a forward of its own, "
            "which would not be called"
        )
    for hook in cell._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod | SpectralNorm | WeightNorm):
            hook(cell, None)  # renews a weight from those that are trained
        else:
            _refuse_hook(cell)
    if cell._forward_hooks or cell._backward_hooks or cell._backward_pre_hooks:
        _refuse_hook(cell)


def _refuse_hook(cell: nn.Module) -> NoReturn:
    """Refuse a hook that would never fire."""
    raise TypeError(
        f"expected a cell without hooks, as its step is called and not the cell, got "
        f"{type(cell).__name__} with one; hook the layer"
    )


def _weight(module: nn.Module) -> Tensor | None:
    """Return one weight, or None where there is none; a replica's are no parameters."""
    for part in module.modules():
        for tensor in (*part._parameters.values(), *vars(part).values()):
            if isinstance(tensor, Tensor) and tensor.is_floating_point():
                return tensor
    return None
