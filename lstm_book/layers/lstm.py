"""The LSTM layer: PyTorch's, with the taught loop beside the fused kernel."""

import sys
from functools import partial
from itertools import repeat
from typing import Any, Literal, NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import Gates, LSTMState, Weights, lstm_update, weights_of
from lstm_book.cells.weights import read_tensor
from lstm_book.checks import cast_dtype, check_choice, check_tensor, check_type, check_whole
from lstm_book.layers.lengths import check_lengths, is_batched, is_captured
from lstm_book.layers.stack import MOST_LAYERS, RecurrentRun, run_stack
from lstm_book.layers.unroll import Unrolled, unroll

Engine = Literal["fused", "unrolled"]
ENGINES: tuple[Engine, ...] = ("fused", "unrolled")


class LSTMRun(NamedTuple):
    """What every layer and direction of an LSTM did, time first and batched.

    Attributes:
        output: The last layer's hidden states, (T, B, directions · H); zero beyond a length.
        state: (h_n, c_n), each (layers · directions, B, H), as PyTorch orders them.
        layers: For each layer, the run of each direction: ``layers[0][0].gates.f`` is (T, B, H).
            Step t of the backward direction came after its step t + 1.
    """

    output: Tensor
    state: LSTMState
    layers: tuple[tuple[Unrolled[LSTMState, Gates], ...], ...]


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
        _check_types(input, hx)
        fused = self.engine == "fused"
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ValueError("LSTM: expected a padded input with lengths, got a PackedSequence")
            self._check_packed(input, hx)
            return super().forward(input, hx) if fused else self._unrolled_packed(input, hx)
        if fused:
            if lengths is None:
                return super().forward(input, hx)
            lengths = self._check_lengths(input, lengths)
            if not (is_captured(lengths) or is_batched(lengths) or is_batched(input)):
                return self._fused_with_lengths(input, hx, lengths)
        elif torch._C._get_tracing_state() is not None:  # torch.jit's, not torch.export's
            raise RuntimeError(
                "expected engine 'fused' under torch.jit.trace and the older ONNX export, got "
                "'unrolled', whose loop would be written out for this number of steps; set the "
                "engine, or use what to_torch() returns"
            )
        run = self._run(input, hx, lengths, unroll_untraced)
        h_n, c_n = run.state
        if input.dim() == 2:
            return run.output.squeeze(1), (h_n.squeeze(1), c_n.squeeze(1))
        return run.output.transpose(0, 1) if self.batch_first else run.output, (h_n, c_n)

    def run(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: Tensor | list[int] | None = None,
    ) -> LSTMRun:
        """Run the taught loop and keep what every layer and direction did, whatever the engine.

        Args:
            input: As for `forward`, but not packed.
            hx: As for `forward`.
            lengths: As for `forward`.

        Returns:
            Output, final state, and states and gates of every step; time first and batched.

        Raises:
            ValueError: As `forward`.
            RuntimeError: As `forward`.
            TypeError: As `forward`.
        """
        check_tensor("input", input)
        _check_types(input, hx)
        return LSTMRun(*self._run(input, hx, lengths, unroll_traced))

    def _run(
        self, input: Tensor, hx: Any, lengths: Any, unroll_direction: Any
    ) -> RecurrentRun[LSTMState, Any]:
        """Run the loop over every layer and direction."""
        x, initial = self._check(input, hx, fastest=lengths is None)
        layers = [
            [
                partial(unroll_direction, *self._weights(layer, reverse), bool(reverse))
                for reverse in range(1 + self.bidirectional)
            ]
            for layer in range(self.num_layers)
        ]
        return run_stack(
            layers,
            x,
            initial,
            lengths=None if lengths is None else self._check_lengths(input, lengths),
            dropout=self.dropout if self.training else 0.0,
        )

    def _weights(self, layer: int, reverse: int) -> tuple[Weights, Tensor | None]:
        """Return the weights of one direction of one layer, and of its projection."""
        W, U, b = weights_of(self, layer, "backward" if reverse else "forward")
        P = None
        if self.proj_size:
            P = read_tensor(self, f"weight_hr_l{layer}{'_reverse' if reverse else ''}")
        low = cast_dtype(W)  # autocast would do so in every step
        b, P = (None if w is None else w.to(low) for w in (b, P))
        return Weights(W.to(low), U.to(low), b), P

    def _check(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None, *, fastest: bool
    ) -> tuple[Tensor, list[LSTMState]]:
        """Bring the input to (T, B, D) and the state to one per layer and direction."""
        if input.dim() not in (2, 3):
            raise ValueError(
                f"LSTM: expected input of 2 or 3 dimensions, got {input.dim()} "
                f"(shape {tuple(input.shape)})"
            )
        batched = input.dim() == 3
        x = input.transpose(0, 1) if batched and self.batch_first else input
        x = x if batched else x[:, None]
        if hx is None:
            rows = self.num_layers * (1 + self.bidirectional)
            h_0 = x.new_zeros(rows, x.shape[1], self.proj_size or self.hidden_size)
            c_0 = x.new_zeros(rows, x.shape[1], self.hidden_size)
        else:
            h_0, c_0 = hx
            if h_0.dim() != input.dim() or c_0.dim() != input.dim():
                raise RuntimeError(
                    f"LSTM: expected h_0 and c_0 of {input.dim()} dimensions, as the input, "
                    f"got shapes {tuple(h_0.shape)} and {tuple(c_0.shape)}"
                )
            if not batched:
                h_0, c_0 = h_0[:, None], c_0[:, None]
        # torch's own checks, so that every mistake has torch's error class.
        self.check_forward_args(x.transpose(0, 1) if self.batch_first else x, (h_0, c_0), None)
        if len(x) == 0:
            raise RuntimeError(
                f"LSTM: expected at least one time step, got input of shape {tuple(input.shape)}"
            )
        # Under autocast, torch's fastest kernels have all in the lower precision. Others keep c,
        # and h where there is no projection, in the precision that the states came in.
        fast = fastest and not self.proj_size and x.dtype in (torch.float32, cast_dtype(x))
        whole = (fast and x.numel() > 0) or x.device.type != "cpu"
        h_0 = h_0.to(cast_dtype(h_0)) if whole or self.proj_size else h_0
        c_0 = c_0.to(cast_dtype(c_0)) if whole else c_0
        return x, [LSTMState(h, c) for h, c in zip(h_0, c_0, strict=True)]

    def _check_packed(self, packed: PackedSequence, hx: tuple[Tensor, Tensor] | None) -> None:
        """Check what torch leaves to its kernel, which reads beyond the end of a small state."""
        data: Tensor = packed.data
        weight: Any = self._flat_weights[0]
        if cast_dtype(data) != cast_dtype(weight):
            raise RuntimeError(f"LSTM: expected input of dtype {weight.dtype}, got {data.dtype}")
        self.check_input(data, packed.batch_sizes)
        if hx is not None:
            self.check_forward_args(data, hx, packed.batch_sizes)

    def _check_lengths(self, input: Tensor, lengths: Tensor | list[int]) -> Tensor:
        """Check lengths against the input."""
        if input.dim() != 3:
            raise ValueError(
                f"LSTM: expected a batched 3-D input with lengths, got {input.dim()}-D"
            )
        T, B = (input.shape[1], input.shape[0]) if self.batch_first else input.shape[:2]
        return check_lengths(lengths, T, B)

    def _fused_with_lengths(
        self, input: Any, hx: tuple[Tensor, Tensor] | None, lengths: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pack, run the kernel, and pad again."""
        self._check(input, hx, fastest=False)
        if not len(lengths):
            return super().forward(input, hx)  # an empty batch cannot be packed
        packed = pack_padded_sequence(input, lengths, self.batch_first, enforce_sorted=False)
        output, state = super().forward(packed, hx)
        T = input.shape[1 if self.batch_first else 0]
        padded, _ = pad_packed_sequence(output, self.batch_first, total_length=T)
        return padded, state

    def _unrolled_packed(
        self, packed: PackedSequence, hx: tuple[Tensor, Tensor] | None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        """Pad, run the loop, and pack again."""
        padded, lengths = pad_packed_sequence(packed, self.batch_first)
        run = self._run(padded, hx, lengths, unroll_untraced)
        order = packed.sorted_indices
        if order is None:
            order = torch.arange(len(lengths))
        sorted_output = run.output.index_select(1, order.to(run.output.device))
        data = pack_padded_sequence(sorted_output, lengths[order.cpu()])
        h_n, c_n = run.state
        return packed._replace(data=data.data), (h_n, c_n)


def _check_types(input: object, hx: object) -> None:
    """Raise TypeError for what has no shape to check; the rest is torch's own to find."""
    if not isinstance(input, PackedSequence):
        check_tensor("input", input)
    if hx is None:
        return
    if not isinstance(hx, tuple | list):
        raise TypeError(f"LSTM: expected hx to be a tuple (h_0, c_0), got {type(hx).__name__}")
    if len(hx) != 2:
        raise RuntimeError(f"LSTM: expected hx to be (h_0, c_0), got {len(hx)} states")
    for name, state in zip(("h_0", "c_0"), hx, strict=True):
        check_tensor(name, state)


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
    # One product for the inputs of all steps; only the hidden state has to wait.
    a_x = functional.linear(x, W, b)
    U_T = U.T

    def step(a_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
        state, gates = lstm_update(torch.addmm(a_t, state.h, U_T), state.c)
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

    It takes tensors and no module, so that `torch.compile` can take it as a whole.
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

    # The inputs' share for 32 steps at a time stays in the cache; for all steps it would not.
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
