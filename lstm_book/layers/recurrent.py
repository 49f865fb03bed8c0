"""Any cell as a layer: stacked, in two directions, over sequences of different lengths."""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NoReturn

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.rnn import PackedSequence
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_book.cells import Cell
from lstm_book.cells.weights import DIRECTIONS
from lstm_book.checks import check_number, check_type, check_whole
from lstm_book.layers.arrange import Batch, arrange
from lstm_book.layers.stack import MOST_LAYERS, RecurrentRun, RunDirection, run_stack
from lstm_book.layers.unroll import unroll


class Recurrent(nn.Module):
    """Run any cell over time: one of ours, or one of your own, derived from `lstm_book.cells.Cell`.

    The given cell becomes the first layer's forward direction. Further layers
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
        TypeError: If the cell is no `Cell`, or lacks a size or an attribute named as an argument;
            or an argument has the wrong type.
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
        cell: Cell,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        batch_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        contract = ("input_size", "hidden_size", "step", "zero_state")
        lacking = [name for name in contract if not hasattr(cell, name)]
        if lacking or not isinstance(cell, Cell):
            without = f"without {', '.join(lacking)}" if lacking else "that is no lstm_book Cell"
            raise TypeError(
                "expected a cell, a module with input_size, hidden_size, step and zero_state "
                f"derived from lstm_book.cells.Cell, got {type(cell).__name__} {without}"
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
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Any, Any]:
        """Run the layer over a batch of sequences.

        Args:
            input: (T, B, D), (B, T, D) with `batch_first`, (T, D) for a single sequence, or packed.
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
                a packed or single sequence.
            RuntimeError: If a size does not fit, T = 0, or lengths are out of range.
        """
        batch = arrange(self, input, hx, lengths)
        run = run_cells(self, batch, trace=False)
        return batch.returned(run.output, run.state)

    def run(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        lengths: Tensor | Sequence[int] | None = None,
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
        return run_cells(self, arrange(self, input, hx, lengths))


def run_cells(layer: Recurrent, batch: Batch, *, trace: bool = True) -> RecurrentRun[Any, Any]:
    """Run every layer and direction on an arranged batch, with or without a trace."""
    cells: Iterator[Any] = iter(layer.cells)
    layers: list[list[RunDirection[Any, Any]]] = [
        [
            partial(_run_cell, _prepared(next(cells)), direction == "backward", trace)
            for direction in DIRECTIONS[: 1 + layer.bidirectional]
        ]
        for _ in range(layer.num_layers)
    ]
    # A reparametrised weight is computed once for all steps.
    again = any(parametrize.is_parametrized(part) for part in layer.cells.modules())
    with parametrize.cached() if again else nullcontext():
        return run_stack(layers, batch, dropout=layer.dropout if layer.training else 0.0)


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


def _prepared(cell: nn.Module) -> nn.Module:
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
    return cell


def _refuse_hook(cell: nn.Module) -> NoReturn:
    """Refuse a hook that would never fire."""
    raise TypeError(
        f"expected a cell without hooks, as its step is called and not the cell, got "
        f"{type(cell).__name__} with one; hook the layer"
    )
