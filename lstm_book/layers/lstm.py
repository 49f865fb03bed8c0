"""The LSTM layer: PyTorch's, with the taught loop beside the fused kernel."""

from functools import partial
from itertools import repeat
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import Gates, LSTMState, Weights, lstm_update, weights_of
from lstm_book.layers.lengths import check_lengths
from lstm_book.layers.stack import run_stack
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
        if engine not in ENGINES:
            raise ValueError(f"expected engine 'fused' or 'unrolled', got {engine!r}")
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

    def extra_repr(self) -> str:
        """As PyTorch prints it, and the engine where it is not the default."""
        engine = "" if self.engine == "fused" else f", engine={self.engine}"
        return super().extra_repr() + engine

    def forward(  # type: ignore[override]
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Tensor | list[int] | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Run the layer over a batch of sequences.

        Args:
            input: (T, B, D), (B, T, D) with `batch_first`, (T, D) for a single sequence, or packed.
            hx: (h_0, c_0), each (layers · directions, B, H), without B for a single sequence; zeros
                if missing. With `proj_size`, h_0 has that size.
            lengths: How many steps each sequence has, (B,), in any order, from 1 to T. What lies
                beyond is ignored: outputs there are zero, h_n and c_n come from each last step.

        Returns:
            The last layer's outputs, in the input's form, and (h_n, c_n).

        Raises:
            ValueError: If the input has a wrong number of dimensions or dtype, or lengths come
                with a packed or unbatched input.
            RuntimeError: If a size does not fit, T = 0, or lengths are out of range.
            TypeError: If lengths are no whole numbers.
        """
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ValueError("LSTM: expected a padded input with lengths, got a PackedSequence")
            fused = self.engine == "fused"
            return super().forward(input, hx) if fused else self._unrolled_packed(input, hx)
        if self.engine == "fused":
            if lengths is None:
                return super().forward(input, hx)
            return self._fused_with_lengths(input, hx, lengths)
        output, state = self._unrolled(input, hx, lengths)
        if input.dim() == 2:
            return output.squeeze(1), LSTMState(state.h.squeeze(1), state.c.squeeze(1))
        return output.transpose(0, 1) if self.batch_first else output, state

    def run(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
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
        x, initial = self._check(input, hx)
        layers = [
            [
                partial(self._run_direction, layer, reverse)
                for reverse in range(1 + self.bidirectional)
            ]
            for layer in range(self.num_layers)
        ]
        run = run_stack(
            layers,
            x,
            initial,
            lengths=None if lengths is None else self._check_lengths(input, lengths),
            dropout=self.dropout if self.training else 0.0,
        )
        return LSTMRun(*run)

    def _unrolled(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None, lengths: Any
    ) -> tuple[Tensor, LSTMState]:
        """Do what `run` does, without a trace and faster."""
        x, initial = self._check(input, hx)
        layers = [
            [
                partial(unroll_untraced, *self._weights(layer, reverse), bool(reverse))
                for reverse in range(1 + self.bidirectional)
            ]
            for layer in range(self.num_layers)
        ]
        run = run_stack(
            layers,
            x,
            initial,
            lengths=None if lengths is None else self._check_lengths(input, lengths),
            dropout=self.dropout if self.training else 0.0,
        )
        return run.output, run.state

    def _weights(self, layer: int, reverse: int) -> tuple[Weights, Tensor | None]:
        """Return the weights of one direction of one layer, and of its projection."""
        suffix = f"_l{layer}{'_reverse' if reverse else ''}"
        projection = getattr(self, f"weight_hr{suffix}") if self.proj_size else None
        return weights_of(self, layer, "backward" if reverse else "forward"), projection

    def _run_direction(
        self, layer: int, reverse: int, x: Tensor, initial: LSTMState, valid: Tensor | None
    ) -> Unrolled[LSTMState, Gates]:
        """Run one direction of one layer."""
        (W, U, b), projection = self._weights(layer, reverse)
        # One product for the inputs of all steps; only the hidden state has to wait.
        a_x = functional.linear(x, W, b)
        U_T = U.T

        def step(a_t: Tensor, state: LSTMState) -> tuple[LSTMState, Gates]:
            state, gates = lstm_update(torch.addmm(a_t, state.h, U_T), state.c)
            if projection is not None:
                state = LSTMState(state.h @ projection.T, state.c)
            return state, gates

        return unroll(step, a_x, initial, valid=valid, reverse=bool(reverse))

    def _check(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, list[LSTMState]]:
        """Bring the input to (T, B, D) and the state to one per layer and direction."""
        if input.dim() not in (2, 3):
            raise ValueError(
                f"LSTM: expected input of 2 or 3 dimensions, got {input.dim()} "
                f"(shape {tuple(input.shape)})"
            )
        batched = input.dim() == 3
        if input.shape[1 if batched and self.batch_first else 0] == 0:
            raise RuntimeError(
                f"LSTM: expected at least one time step, got input of shape {tuple(input.shape)}"
            )
        x = input.transpose(0, 1) if batched and self.batch_first else input
        x = x if batched else x[:, None]
        rows = self.num_layers * (1 + self.bidirectional)
        if hx is None:
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
        return x, [LSTMState(h, c) for h, c in zip(h_0, c_0, strict=True)]

    def _check_lengths(self, input: Tensor, lengths: Tensor | list[int]) -> Tensor:
        """Check lengths against the input."""
        if input.dim() != 3:
            raise ValueError(
                f"LSTM: expected a batched 3-D input with lengths, got {input.dim()}-D"
            )
        T, B = (input.shape[1], input.shape[0]) if self.batch_first else input.shape[:2]
        return check_lengths(lengths, T, B)

    def _fused_with_lengths(
        self, input: Any, hx: tuple[Tensor, Tensor] | None, lengths: Any
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pack, run the kernel, and pad again."""
        lengths = self._check_lengths(input, lengths)
        self._check(input, hx)
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
        output, state = self._unrolled(padded, hx, lengths)
        order = packed.sorted_indices
        if order is None:
            order = torch.arange(len(lengths))
        sorted_output = output.index_select(1, order.to(output.device))
        data = pack_padded_sequence(sorted_output, lengths[order.cpu()])
        return packed._replace(data=data.data), state


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
