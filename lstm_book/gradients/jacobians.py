"""Step Jacobians in closed form, for every step at once.

Everywhere J[..., i, j] = ∂out_i/∂in_j, so that Jacobians act on column vectors of derivatives and
the one of a later step stands on the left.
"""

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.cells import Gates, LSTMState
from lstm_book.checks import check_choice, check_like, check_shape, check_type
from lstm_book.gradients._check import (
    check_cell_follows,
    check_lstm,
    check_rnn,
    mode_of_states,
)
from lstm_book.gradients.bptt import slope_of
from lstm_book.layers import Unrolled
from lstm_book.layers.unroll import full_precision

Nonlinearity = Literal["tanh", "relu"]


class StateJacobians(NamedTuple):
    """The four blocks of ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) for every step; each (T, B, H, H).

    The first letter names the output, the second the input: `hc` is ∂h_t/∂c_{t-1}. With a
    projection h has P units, and hh is (T, B, P, P), hc (T, B, P, H), ch (T, B, H, P).

    Attributes:
        hh: ∂h_t/∂h_{t-1}.
        hc: ∂h_t/∂c_{t-1}, diagonal without a projection.
        ch: ∂c_t/∂h_{t-1}.
        cc: ∂c_t/∂c_{t-1} = diag(f_t).
    """

    hh: Tensor
    hc: Tensor
    ch: Tensor
    cc: Tensor

    @property
    def matrix(self) -> Tensor:
        """The blocks as one matrix (T, B, 2H, 2H), rows h_t and c_t, columns h_{t-1}, c_{t-1}."""
        top, bottom = torch.cat([self.hh, self.hc], -1), torch.cat([self.ch, self.cc], -1)
        return torch.cat([top, bottom], -2)


class CellJacobian(NamedTuple):
    """The one-step total ∂c_t/∂c_{t-1} with o_{t-1} held, for t = 2 … T; equation :eq:`cell-total`.

    Attributes:
        direct: f_t, the diagonal of the direct path, (T-1, B, H).
        indirect: The bracket: through h_{t-1} into the gates f, i and g, (T-1, B, H, H).
    """

    direct: Tensor
    indirect: Tensor

    @property
    def total(self) -> Tensor:
        """diag(f_t) + the bracket, (T-1, B, H, H)."""
        return torch.diag_embed(self.direct) + self.indirect

    @property
    def share(self) -> Tensor:
        """Spectral norm of the bracket over that of the total, (T-1, B). May exceed 1."""
        return _spectral(self.indirect) / _spectral(self.total)


@torch.no_grad()
def state_jacobians(
    run: Unrolled[LSTMState, Gates], U: Tensor, *, projection: Tensor | None = None
) -> StateJacobians:
    """Return ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) for every step; equation :eq:`state-jacobian`.

    Here t - 1 is the step that was taken before t: in a reversed run it stands behind t. Where a
    sequence has no step (`valid`), the Jacobian is the identity.

    Args:
        run: An unrolled LSTM. If its step was a function that shows `Gates`, these must be the
            gates of `lstm_step`: without x it cannot be seen how they came about.
        U: Its recurrent weights, (4H, H).
        projection: The weights W_hr of a projection, (P, H), as for `bptt`; then U is (4H, P).

    Returns:
        The four blocks, in the order of the run's states. Their product over steps is the full
        gradient between states.

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    c = check_lstm(run, projection)
    U = _check_recurrent(U, run.states.h, rows=4 * c.shape[-1], letters="4H")
    with full_precision(c):
        check_cell_follows(run, projection)
        return lstm_jacobians(run, U, projection)


@torch.no_grad()
def cell_jacobian(
    run: Unrolled[LSTMState, Gates], U: Tensor, *, projection: Tensor | None = None
) -> CellJacobian:
    """Return the one-step total ∂c_t/∂c_{t-1}, with o_{t-1} held; equation :eq:`cell-total`.

    It counts the two roads from c_{t-1} to c_t: straight, through the forget gate, and around,
    through h_{t-1} into the gates. Its products over steps are *not* the full gradient: they leave
    out what h_{t-2} does to o_{t-1}. For that, multiply the matrices of `state_jacobians`.

    Where a sequence has no step (`valid`), the direct part is 1 and the other 0. After such steps
    o_{t-1} is that of the last step before; if there is none, nothing leads around.

    Args:
        run: An unrolled LSTM, as for `state_jacobians`, with at least two steps (o of the step
            before is needed).
        U: Its recurrent weights, (4H, H).
        projection: The weights W_hr of a projection, (P, H), as for `bptt`; then U is (4H, P).

    Returns:
        The direct and the indirect part, for t = 2 … T; of a reversed run, for t = 1 … T - 1.

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run, or it has one step only.
    """
    c = check_lstm(run, projection)
    U = _check_recurrent(U, run.states.h, rows=4 * c.shape[-1], letters="4H")
    if len(c) < 2:
        raise RuntimeError("expected a run of at least two steps, got one")
    later, before = (slice(1, None), slice(None, -1))[:: -1 if run.reverse else 1]
    with full_precision(c):
        check_cell_follows(run, projection)
        gates = Gates(*(gate[later] for gate in run.gates))
        h_from_c = _last_output_gate(run)[before] * (1 - c[before].tanh() ** 2)
        indirect = _cell_from_hidden(gates, c[before], U)
        if projection is not None:
            indirect = indirect @ projection
        indirect = indirect * h_from_c[..., None, :]
        direct = gates.f.detach()
        if run.valid is not None:
            own = run.valid[later][..., None]
            direct, indirect = direct.where(own, 1), indirect.where(own[..., None], 0)
        return CellJacobian(direct, indirect)


@torch.no_grad()
def rnn_jacobians(
    run: Unrolled[Tensor, tuple[()]], U: Tensor, *, nonlinearity: Nonlinearity | None = None
) -> Tensor:
    """Return ∂h_t/∂h_{t-1} of a simple RNN for every step; equation :eq:`rnn-jacobian`.

    Reversed and masked runs are taken as by `state_jacobians`.

    Args:
        run: An unrolled RNN of tanh or ReLU.
        U: Its recurrent weights, (H, H).
        nonlinearity: "tanh" or "relu". Without it, what the run's cell says; if its step was a
            function, what the states show, which fails where none is below 0 or above 1.

    Returns:
        The Jacobians, (T, B, H, H), in the order of the run's states.

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions, or the nonlinearity is not that
            of the run, or cannot be seen from it.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    h = check_rnn(run)
    U = _check_recurrent(U, h, rows=h.shape[-1], letters="H")
    check_choice("nonlinearity", nonlinearity, (None, *get_args(Nonlinearity)))
    return recurrent_jacobians(run, U, mode_of_states(run, nonlinearity))


@torch.no_grad()
def cumulative(jacobians: Tensor, *, reverse: bool = False) -> Tensor:
    """Multiply step Jacobians back from the last step; equation :eq:`jacobian-chain`.

    Args:
        jacobians: ∂s_t/∂s_{t-1} for t = 1 … T, (T, B, N, N).
        reverse: Whether they are those of a reversed run, ∂s_t/∂s_{t+1}.

    Returns:
        ∂s_T/∂s_t for t = 0 … T, (T+1, B, N, N). The last one is the identity. With `reverse`
        ∂s_1/∂s_t for t = 1 … T+1, and the first one is the identity.

    Raises:
        TypeError: If jacobians is no tensor, or reverse no bool.
        ValueError: If there are not four dimensions.
        RuntimeError: If the matrices are not square, or not of floating-point numbers.
    """
    N = check_shape("jacobians", jacobians, "T B N N", (None,) * 4).shape[-1]
    check_shape("jacobians", jacobians, "T B N N", (None, None, N, N))
    if not jacobians.is_floating_point():
        raise RuntimeError(f"expected jacobians of floating-point numbers, got {jacobians.dtype}")
    check_type("reverse", reverse, bool, "a bool")
    with full_precision(jacobians):
        product = torch.eye(N, dtype=jacobians.dtype, device=jacobians.device)
        products = [product.expand(jacobians.shape[1:])]
        for J in jacobians if reverse else jacobians.flip(0):
            products.append(products[-1] @ J)
        return torch.stack(products if reverse else products[::-1])


def lstm_jacobians(
    run: Unrolled[LSTMState, Gates], U: Tensor, projection: Tensor | None
) -> StateJacobians:
    """Do what `state_jacobians` does, for a run that is known to be right."""
    o, tanh_c = run.gates.o, run.states.c.tanh()
    ch = _cell_from_hidden(run.gates, run.previous.c, U)
    m_from_c = o * (1 - tanh_c**2)  # of m_t = o_t * tanh c_t, which is h_t without a projection
    hh = _rows(tanh_c * o * (1 - o), U.chunk(4)[3]).addcmul_(m_from_c[..., None], ch)
    hc, cc = torch.diag_embed(m_from_c * run.gates.f), torch.diag_embed(run.gates.f)
    if projection is not None:
        hh, hc = projection @ hh, projection @ hc
    if run.valid is None:
        return StateJacobians(hh, hc, ch, cc)
    own = run.valid[..., None, None]
    return StateJacobians(
        hh.where(own, _identity_like(hh)),
        hc.where(own, 0),
        ch.where(own, 0),
        cc.where(own, _identity_like(cc)),
    )


def recurrent_jacobians(run: Unrolled[Tensor, tuple[()]], U: Tensor, mode: str) -> Tensor:
    """Do what `rnn_jacobians` does, for a run that is known to be of a mode."""
    J = _rows(slope_of(run.states, mode), U)
    return J if run.valid is None else J.where(run.valid[..., None, None], _identity_like(J))


def _last_output_gate(run: Unrolled[LSTMState, Gates]) -> Tensor:
    """Return o of each step, or of the last one before it that was taken; 0 if none was."""
    o, valid = run.gates.o, run.valid
    if valid is None:
        return o
    if run.reverse:
        o, valid = o.flip(0), valid.flip(0)
    steps = torch.arange(len(o), device=o.device)[:, None]
    taken = torch.where(valid, steps, -1).cummax(0).values[..., None].expand_as(o)
    last = torch.where(taken < 0, 0, o.gather(0, taken.clamp(min=0)))
    return last.flip(0) if run.reverse else last


def _identity_like(J: Tensor) -> Tensor:
    """Return the identity of the size of matrices."""
    return torch.eye(J.shape[-1], dtype=J.dtype, device=J.device)


def _rows(scale: Float[Tensor, "*batch H"], U: Float[Tensor, "H P"]) -> Float[Tensor, "*batch H P"]:
    """Return diag(scale) U for every step and sequence, without building the diagonal matrix."""
    return scale[..., None] * U


def _cell_from_hidden(
    gates: Gates, c_previous: Float[Tensor, "T B H"], U: Float[Tensor, "4*H P"]
) -> Float[Tensor, "T B H P"]:
    """Return ∂c_t/∂h_{t-1}: what the hidden state does to the cell through f, i and g."""
    i, f, g, _ = gates
    U_i, U_f, U_g, _ = U.chunk(4)
    J = _rows(c_previous * f * (1 - f), U_f)
    J.addcmul_((g * i * (1 - i))[..., None], U_i)
    return J.addcmul_((i * (1 - g**2))[..., None], U_g)


def _spectral(J: Float[Tensor, "*batch N M"]) -> Float[Tensor, "*batch"]:
    """Return the largest singular value; of a matrix with NaN NaN, of one with infinities inf."""
    if 0 in J.shape[-2:]:
        return J.new_zeros(J.shape[:-2])
    wide = J if J.dtype in (torch.float32, torch.float64) else J.float()
    sizes = wide.abs().sum((-2, -1))
    finite = wide.isfinite().all(-1).all(-1)
    norms: Tensor = torch.linalg.matrix_norm(wide.where(finite[..., None, None], 0), 2)
    return norms.where(finite, sizes).to(J.dtype)


def _check_recurrent(U: Tensor, h: Tensor, rows: int, letters: str) -> Tensor:
    """Check recurrent weights against the hidden states; return them, detached."""
    check_shape("U", U, f"{letters} H", (rows, h.shape[-1]))
    check_like("U", U, "the states", h)
    return U.detach()
