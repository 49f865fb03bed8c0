"""The LSTM layer: PyTorch's, with the taught loop beside the fused kernel."""

import sys
from functools import partial
from itertools import repeat
from typing import Any, Literal, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import Gates, LSTMState, Weights, weights_of
from lstm_book.cells.step import lstm_equations
from lstm_book.cells.weights import DIRECTIONS, Direction, read_tensor
from lstm_book.checks import (
    cast_dtype,
    check_choice,
    check_states,
    check_tensor,
    check_type,
    check_whole,
)
from lstm_book.layers.arrange import LSTM_STATES, Batch, arrange
from lstm_book.layers.lengths import is_batched, is_captured
from lstm_book.layers.stack import MOST_LAYERS, RecurrentRun, run_stack
from lstm_book.layers.unroll import Unrolled, unroll

Engine = Literal["fused", "unrolled"]
ENGINES: tuple[Engine, ...] = ("fused", "unrolled")


class LSTM(nn.LSTM):
    """A drop-in for :class:`torch.nn.LSTM` that can also run the book's own loop.

    Parameters, their names and default initialisation, arguments, results and error classes are
    PyTorch's. Added are `lengths`, and a choice of engine:

    * "fused" calls the kernel that :class:`torch.nn.LSTM` calls.
    * "unrolled" runs the equations step by step on the same parameters, with the input's share of
      all pre-activations computed in one product. It has second derivatives everywhere, works under
      :mod:`torch.func`, and `run` gives its gates.

    Args:
        input_size: Features D of the input.
        hidden_size: Units H.
        num_layers: How many layers are stacked.
        bias: Whether to add b_ih and b_hh.
        batch_first: Whether input and output are (B, T, …) instead of (T, B, …). Not the states.
        dropout: Probability of zeroing an output between two layers, while training.
        bidirectional: Whether each layer also reads backwards.
        proj_size: If above 0, h is projected to so many numbers :cite:p:`sak2014`.
        device: Where to put the parameters.
        dtype: Their floating-point type.
        engine: "fused" or "unrolled"; may be assigned later.

    Raises:
        ValueError: If the engine or a size is none of the possible ones.
        TypeError: If an argument has the wrong type.

    >>> lstm = LSTM(input_size=3, hidden_size=5, num_layers=2)
    >>> output, (h_n, c_n) = lstm(torch.zeros(7, 2, 3), lengths=[7, 4])
    >>> output.shape, h_n.shape
    (torch.Size([7, 2, 5]), torch.Size([2, 2, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
        *,
        engine: Engine = "fused",
    ) -> None:
        check_choice("engine", engine, ENGINES)
        check_whole("num_layers", num_layers, 1, MOST_LAYERS)
        check_type("bidirectional", bidirectional, bool, "True or False")
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device=device,
            dtype=dtype,
        )
        self.engine = engine

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; refuse an engine that there is not, and to be quantised."""
        if name == "engine":
            check_choice("engine", value, ENGINES)
        elif name == "qconfig":
            # torch compares classes exactly and would pass over one derived from nn.LSTM in
            # silence; so look what its caller wants quantised.
            asked = sys._getframe(1).f_locals.get("qconfig_dict")
            if value is not None or (isinstance(asked, dict) and asked.get(nn.LSTM) is not None):
                self._refuse("torch's quantisation would pass over it")
        super().__setattr__(name, value)

    def __prepare_scriptable__(self) -> NoReturn:
        """Answer `torch.jit.script`, also where the layer is inside another module."""
        self._refuse("torch.jit.script cannot compile it")

    def _refuse(self, why: str) -> NoReturn:
        """Refuse what only torch's own layer can do."""
        raise TypeError(
            f"expected a torch.nn.LSTM, got lstm_book's: {why}; use what its to_torch() returns"
        )

    def to_torch(self) -> nn.LSTM:
        """Return a :class:`torch.nn.LSTM` with the same options and weights.

        For what asks for this very class: :func:`torch.jit.script`, dynamic quantisation, and, with
        the unrolled engine, :func:`torch.jit.trace` and the older ONNX export. In a model, put it
        in the layer's place: ``model.layer = model.layer.to_torch()``. `lengths` and `run` are not
        there any more.

        Returns:
            A new layer, on the same device, of the same dtype, in the same mode, with copies of the
            weights that need gradients where ours do. Reparametrised, normed and pruned weights
            come as the numbers they are now. Hooks stay here.

        Raises:
            TypeError: If `forward` is not this class's: the new layer would compute something else.

        >>> lstm = LSTM(input_size=3, hidden_size=5, engine="unrolled")
        >>> x = torch.zeros(7, 2, 3)
        >>> torch.allclose(lstm.to_torch()(x)[0], lstm(x)[0])
        True
        """
        if type(self).forward is not LSTM.forward or "forward" in vars(self):
            raise TypeError(f"expected LSTM's own forward, got {type(self).__name__} with another")
        # Without memory, which draws no random numbers; the weights come below.
        theirs = nn.LSTM(
            self.input_size,
            self.hidden_size,
            self.num_layers,
            self.bias,
            self.batch_first,
            bidirectional=self.bidirectional,
            proj_size=self.proj_size,
            device="meta",
        )
        theirs.dropout = self.dropout  # here, since torch warns of it in a single layer once more
        for name in self._flat_weights_names:
            with torch.enable_grad():
                weight = read_tensor(self, name)
            assert weight is not None
            copy = nn.Parameter(weight.detach().clone(), requires_grad=weight.requires_grad)
            setattr(theirs, name, copy)
        theirs.flatten_parameters()
        return theirs.train(self.training)

    def extra_repr(self) -> str:
        """As PyTorch prints it, and the engine where it is not the default."""
        engine = "" if self.engine == "fused" else f", engine={self.engine}"
        return super().extra_repr() + engine

    def forward(  # type: ignore[override]
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: Tensor | list[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Run the layer over a batch of sequences.

        Args:
            input: (T, B, D), (B, T, D) with `batch_first`, (T, D) for a single sequence, or packed.
            hx: (h_0, c_0), each (layers · directions, B, H), without B for a single sequence; zeros
                if missing. With `proj_size`, h_0 has that size.
            lengths: How many steps each sequence has, (B,), in any order, from 1 to T. What lies
                beyond is ignored: outputs there are zero, h_n and c_n come from each last step.
                The fused kernel needs their values at once: under `torch.vmap` and while
                `torch.export` captures a graph, the loop runs in its place.

        Returns:
            The last layer's outputs, in the input's form, and (h_n, c_n).

        Raises:
            ValueError: If the input has a wrong number of dimensions or dtype, or lengths come
                with a packed or unbatched input.
            RuntimeError: If a size does not fit, T = 0, or lengths are out of range; or the
                unrolled engine is traced by `torch.jit`, which would fix T.
            TypeError: If input is neither tensor nor packed, hx no pair of tensors, or lengths are
                no whole numbers.
        """
        fused = self.engine == "fused"
        if fused and lengths is None:  # torch's own doors
            _check_types(input, hx)
            if isinstance(input, PackedSequence):
                self._check_packed(input, hx)
            return super().forward(input, hx)
        if isinstance(input, PackedSequence) and lengths is None:
            self._check_packed(input, hx)
        batch = arrange(self, input, hx, lengths)
        if not fused and torch._C._get_tracing_state() is not None:  # not torch.export's
            raise RuntimeError(
                "expected engine 'fused' under torch.jit.trace and the older ONNX export, got "
                "'unrolled', whose loop would be written out for this number of steps; set the "
                "engine, or use what to_torch() returns"
            )
        if fused and (lengths := _lengths_at_once(batch)) is not None:
            packed = pack_padded_sequence(batch.x, lengths, enforce_sorted=False)
            packed, state = super().forward(packed, hx)
            output, _ = pad_packed_sequence(packed, total_length=len(batch.x))
        else:
            run = self._run(batch, unroll_untraced)
            output, state = run.output, run.state
        output, (h_n, c_n) = batch.returned(output, state)
        return output, (h_n, c_n)

    def run(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: Tensor | list[int] | None = None,
    ) -> RecurrentRun[LSTMState, Gates]:
        """Run the taught loop and keep what every layer and direction did, whatever the engine.

        Args:
            input: As for `forward`.
            hx: As for `forward`.
            lengths: As for `forward`.

        Returns:
            Output, final state, and states and gates of every step; time first and batched.

        Raises:
            ValueError: As `forward`.
            RuntimeError: As `forward`.
            TypeError: As `forward`.
        """
        return self._run(arrange(self, input, hx, lengths), unroll_traced)

    def _run(self, batch: Batch, unroll_direction: Any) -> RecurrentRun[LSTMState, Any]:
        """Run the loop over every layer and direction."""
        layers = [
            [
                partial(unroll_direction, *self._weights(layer, direction), direction == "backward")
                for direction in DIRECTIONS[: 1 + self.bidirectional]
            ]
            for layer in range(self.num_layers)
        ]
        # Under autocast, torch's fastest kernels have all in the lower precision. Others keep c,
        # and h where there is no projection, in the precision that the states came in.
        x, low = batch.x, cast_dtype
        fast = batch.lengths is None and not self.proj_size and x.dtype in (torch.float32, low(x))
        whole = (fast and x.numel() > 0) or x.device.type != "cpu"
        initial = [
            LSTMState(h.to(low(h)) if whole or self.proj_size else h, c.to(low(c)) if whole else c)
            for h, c in batch.initial
        ]
        dropout = self.dropout if self.training else 0.0
        return run_stack(layers, batch._replace(initial=initial), dropout=dropout)

    def _weights(self, layer: int, direction: Direction) -> tuple[Weights, Tensor | None]:
        """Return the weights of one direction of one layer, and of its projection."""
        W, U, b = weights_of(self, layer, direction)
        P = None
        if self.proj_size:
            suffix = "_reverse" if direction == "backward" else ""
            P = read_tensor(self, f"weight_hr_l{layer}{suffix}")
        low = cast_dtype(W)  # autocast would do so in every step
        b, P = (None if w is None else w.to(low) for w in (b, P))
        return Weights(W.to(low), U.to(low), b), P

    def _check_packed(self, packed: PackedSequence, hx: tuple[Tensor, Tensor] | None) -> None:
        """Check what torch leaves to its kernel, which reads beyond the end of a small state."""
        data: Tensor = packed.data
        weight: Any = self._flat_weights[0]
        if cast_dtype(data) != cast_dtype(weight):
            raise RuntimeError(f"LSTM: expected input of dtype {weight.dtype}, got {data.dtype}")
        self.check_input(data, packed.batch_sizes)
        if hx is not None:
            self.check_forward_args(data, hx, packed.batch_sizes)


def _check_types(input: object, hx: object) -> None:
    """Raise TypeError for what has no shape to check; the rest is torch's own to find."""
    if not isinstance(input, PackedSequence):
        check_tensor("input", input)
    if hx is not None:
        for name, state in zip(LSTM_STATES, check_states("hx", hx, LSTM_STATES), strict=True):
            check_tensor(name, state)


def _lengths_at_once(batch: Batch) -> Tensor | None:
    """Return lengths whose values can be read now, as the kernel needs them; of one sequence on."""
    lengths = batch.lengths
    if lengths is None or is_captured(lengths) or is_batched(lengths) or is_batched(batch.x):
        return None
    return lengths if len(lengths) else None


def unroll_traced(
    weights: Weights,
    projection: Tensor | None,
    reverse: bool,
    x: Tensor,
    initial: LSTMState,
    valid: Tensor | None,
) -> Unrolled[LSTMState, Gates]:
    """Run one direction of one layer in the equations of the text; keep all states and gates."""
    W, U, b = weights
    # One product for all inputs; only the hidden state has to wait.
    a_x = functional.linear(x, W, b)
    U_T = U.T

    def step(a_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        state, gates = lstm_equations(torch.addmm(a_t, state.h, U_T), state.c)
        if projection is not None:
            state = LSTMState(state.h @ projection.T, state.c)
        return state, gates

    return unroll(step, a_x, initial, valid=valid, reverse=reverse)


def unroll_untraced(
    weights: Weights,
    projection: Tensor | None,
    reverse: bool,
    x: Tensor,
    initial: LSTMState,
    valid: Tensor | None,
) -> Unrolled[Any, Any]:
    """Run one direction of one layer in few, large operations; keep the hidden states only.

    These are the equations of `lstm_equations` once more, for speed; the tests hold both equal,
    forward and backward. It takes tensors and no module, so that `torch.compile` can take it as a
    whole.
    """
    H = initial.c.shape[-1]
    # Transposed in memory once, which the products of the backward pass like.
    W_T, U_T = (ifo_first(w).T.contiguous() for w in weights[:2])
    b = None if weights.b is None else ifo_first(weights.b)

    def step(a_t: Tensor, state: LSTMState) -> tuple[LSTMState, tuple[()]]:
        a = torch.addmm(a_t, state.h, U_T)
        a_ifo, a_g = a.split_with_sizes((3 * H, H), dim=-1)
        i_t, f_t, o_t = a_ifo.sigmoid().chunk(3, dim=-1)  # one sigmoid for three gates
        c_t = torch.addcmul(f_t * state.c, i_t, a_g.tanh())
        h_t = o_t * c_t.tanh()
        return LSTMState(h_t if projection is None else h_t @ projection.T, c_t), ()

    # The inputs' share for 32 steps at a time stays in the cache.
    masks = repeat(None) if valid is None else torch.split(valid, 32)
    blocks = list(zip(torch.split(x, 32), masks, strict=False))
    order = -1 if reverse else 1
    outputs: list[Tensor] = []
    state: Any = initial
    for block, mask in blocks[::order]:
        a_x = functional.linear(block, W_T.T, b)
        run: Unrolled[Any, Any] = unroll(step, a_x, state, valid=mask, reverse=reverse, trace=False)
        outputs.append(run.states)
        state = run.last
    return Unrolled(initial, torch.cat(outputs[::order]), (), reverse, state)


def ifo_first(stacked: Tensor) -> Tensor:
    """Bring the stacked gates i, f, g, o into the order i, f, o, g."""
    i, f, g, o = stacked.chunk(4)
    return torch.cat([i, f, o, g])
