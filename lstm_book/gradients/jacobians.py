"""Step Jacobians in closed form, for every step at once.

Everywhere J[..., i, j] = ∂out_i/∂in_j, so that Jacobians act on column vectors of derivatives and
the one of a later step stands on the left.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lstm_book.cells import Gates, LSTMState
from lstm_book.checks import check_like, check_shape
from lstm_book.gradients._check import check_kind
from lstm_book.layers import Unrolled


class StateJacobians(NamedTuple):
    """The four blocks of ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) for every step; each (T, B, H, H).

    The first letter names the output, the second the input: `hc` is ∂h_t/∂c_{t-1}.

    Attributes:
        hh: ∂h_t/∂h_{t-1}.
        hc: ∂h_t/∂c_{t-1}, diagonal.
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
def state_jacobians(run: Unrolled[LSTMState, Gates], U: Tensor) -> StateJacobians:
    """Return ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) for every step; equation :eq:`state-jacobian`.

    Args:
        run: An unrolled LSTM.
        U: Its recurrent weights, (4H, H).

    Returns:
        The four blocks. Their product over steps is the full gradient between states.

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    check_kind(run, gates=4)
    U = _check_recurrent(U, run.states.h, gates=4)
    o, tanh_c = run.gates.o, run.states.c.tanh()
    U_o = U.chunk(4)[3]
    ch = _cell_from_hidden(run.gates, run.previous.c, U)
    h_from_c = o * (1 - tanh_c**2)
    hh = _rows(tanh_c * o * (1 - o), U_o).addcmul_(h_from_c[..., None], ch)
    return StateJacobians(
        hh=hh,
        hc=torch.diag_embed(h_from_c * run.gates.f),
        ch=ch,
        cc=torch.diag_embed(run.gates.f),
    )


@torch.no_grad()
def cell_jacobian(run: Unrolled[LSTMState, Gates], U: Tensor) -> CellJacobian:
    """Return the one-step total ∂c_t/∂c_{t-1}, with o_{t-1} held; equation :eq:`cell-total`.

    It counts the two roads from c_{t-1} to c_t: straight, through the forget gate, and around,
    through h_{t-1} into the gates. Its products over steps are *not* the full gradient: they leave
    out what h_{t-2} does to o_{t-1}. For that, multiply the matrices of `state_jacobians`.

    Args:
        run: An unrolled LSTM with at least two steps (o of the step before is needed).
        U: Its recurrent weights, (4H, H).

    Returns:
        The direct and the indirect part, for t = 2 … T.

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run, or it has one step only.
    """
    check_kind(run, gates=4)
    U = _check_recurrent(U, run.states.h, gates=4)
    if len(run.states.c) < 2:
        raise RuntimeError("expected a run of at least two steps, got one")
    later = Gates(*(gate[1:] for gate in run.gates))
    c_before, o_before = run.states.c[:-1], run.gates.o[:-1]
    h_from_c = o_before * (1 - c_before.tanh() ** 2)
    indirect = _cell_from_hidden(later, c_before, U) * h_from_c[..., None, :]
    return CellJacobian(direct=later.f.detach(), indirect=indirect)


@torch.no_grad()
def rnn_jacobians(run: Unrolled[Tensor, tuple[()]], U: Tensor) -> Tensor:
    """Return ∂h_t/∂h_{t-1} of a tanh RNN for every step; equation :eq:`rnn-jacobian`.

    Args:
        run: An unrolled tanh RNN.
        U: Its recurrent weights, (H, H).

    Returns:
        The Jacobians, (T, B, H, H).

    Raises:
        TypeError: If it is the run of another cell, or U is no tensor.
        ValueError: If a tensor has the wrong number of dimensions.
        RuntimeError: If a size, dtype or device does not fit the run.
    """
    check_kind(run, gates=1)
    return _rows(1 - run.states**2, _check_recurrent(U, run.states, gates=1))


@torch.no_grad()
def cumulative(jacobians: Tensor) -> Tensor:
    """Multiply step Jacobians back from the last step; equation :eq:`jacobian-chain`.

    Args:
        jacobians: ∂s_t/∂s_{t-1} for t = 1 … T, (T, B, N, N).

    Returns:
        ∂s_T/∂s_t for t = 0 … T, (T+1, B, N, N). The last one is the identity.

    Raises:
        ValueError: If there are not four dimensions.
        RuntimeError: If the matrices are not square.
    """
    N = check_shape("jacobians", jacobians, "T B N N", (None,) * 4).shape[-1]
    check_shape("jacobians", jacobians, "T B N N", (None, None, N, N))
    product = torch.eye(N, dtype=jacobians.dtype, device=jacobians.device)
    products = [product.expand(jacobians.shape[1:])]
    for J in jacobians.flip(0):
        products.append(products[-1] @ J)
    return torch.stack(products[::-1])


def _rows(scale: Float[Tensor, "*batch H"], U: Float[Tensor, "H H"]) -> Float[Tensor, "*batch H H"]:
    """Return diag(scale) U for every step and sequence, without building the diagonal matrix."""
    return scale[..., None] * U


def _cell_from_hidden(
    gates: Gates, c_previous: Float[Tensor, "T B H"], U: Float[Tensor, "4*H H"]
) -> Float[Tensor, "T B H H"]:
    """Return ∂c_t/∂h_{t-1}: what the hidden state does to the cell through f, i and g."""
    i, f, g, _ = gates
    U_i, U_f, U_g, _ = U.chunk(4)
    J = _rows(c_previous * f * (1 - f), U_f)
    J.addcmul_((g * i * (1 - i))[..., None], U_i)
    return J.addcmul_((i * (1 - g**2))[..., None], U_g)


def _spectral(J: Float[Tensor, "*batch N M"]) -> Float[Tensor, "*batch"]:
    """Return the largest singular value."""
    norms: Tensor = torch.linalg.matrix_norm(J, 2)
    return norms


def _check_recurrent(U: Tensor, h: Tensor, gates: int) -> Tensor:
    """Check states and recurrent weights against each other; return the weights, detached."""
    check_shape("the run's states", h, "T B H", (None, None, None))
    H = h.shape[-1]
    check_shape("U", U, "H H" if gates == 1 else f"{gates}H H", (gates * H, H))
    check_like("U", U, "the states", h)
    return U.detach()
