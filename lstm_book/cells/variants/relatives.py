"""Cells that carry the hidden state alone: GRU, JANET, and minLSTM with its parallel form."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lstm_book.cells.modules import VariantCell
from lstm_book.cells.state import register_records
from lstm_book.cells.weights import read_tensor
from lstm_book.checks import check_number, check_shape, check_tensor, check_type


class GRUGates(NamedTuple):
    """The activated gates of one GRU step, in PyTorch's weight order.

    Attributes:
        r: Reset gate, in (0, 1). Shape (B, H), or (T, B, H) stacked over time.
        z: Update gate, in (0, 1): the share of h_{t-1} that stays.
        n: Candidate ("new"), in (-1, 1).
    """

    r: Tensor
    z: Tensor
    n: Tensor


class JANETGates(NamedTuple):
    """The activated gates of one JANET step.

    Attributes:
        i: What the candidate is multiplied by, 1 - σ(a_f - β). Shape (B, H), or (T, B, H).
        f: Forget gate, σ(a_f).
        g: Candidate, in (-1, 1).
    """

    i: Tensor
    f: Tensor
    g: Tensor


class MinLSTMGates(NamedTuple):
    """The gates of one minLSTM step, normalised.

    Attributes:
        i: Input gate i', in (0, 1); i' + f' = 1. Shape (B, H), or (T, B, H) stacked over time.
        f: Forget gate f', in (0, 1).
        g: Candidate; the paper writes h̃.
    """

    i: Tensor
    f: Tensor
    g: Tensor


register_records(GRUGates, JANETGates, MinLSTMGates)


class GRUCell(VariantCell):
    """A gated recurrent unit :cite:p:`cho2014`; a drop-in for :class:`torch.nn.GRUCell`.

    Equation :eq:`gru-step`: h_t = (1 - z_t) * n_t + z_t * h_{t-1}. This is the form of PyTorch and
    cuDNN: the reset gate acts after the matrix product. In the paper it acts before, n_t = tanh(x_t
    W_n^T + (r_t * h_{t-1}) U_n^T), which is another function of other weights. Here b_ih and b_hh
    differ in what they do: the sum in `weights` is not enough.

    ========== ====================== ==============
    Symbol     Parameter              Shape
    ========== ====================== ==============
    W          ``weight_ih``          (3H, D): r,z,n
    U          ``weight_hh``          (3H, H): r,z,n
    b_ih       ``bias_ih``            (3H,): r,z,n
    b_hh       ``bias_hh``            (3H,): r,z,n
    ========== ====================== ==============
    """

    rows = "rzn"
    state_type = Tensor

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, GRUGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        W, U = self._read("weight_ih"), self._read("weight_hh")
        b_ih, b_hh = read_tensor(self, "bias_ih"), read_tensor(self, "bias_hh")
        from_x = functional.linear(x_t, W, b_ih).chunk(3, dim=-1)
        from_h = functional.linear(state, U, b_hh).chunk(3, dim=-1)
        r_t, z_t = ((x + h).sigmoid() for x, h in zip(from_x[:2], from_h[:2], strict=True))
        n_t = (from_x[2] + r_t * from_h[2]).tanh()
        h_t = (1 - z_t) * n_t + z_t * state
        return h_t, GRUGates(r_t, z_t, n_t)


class JANETCell(VariantCell):
    """An LSTM with a forget gate alone, JANET :cite:p:`vanderwesthuizen2018`.

    Equation :eq:`janet-step`: h_t = σ(a_f) * h_{t-1} + (1 - σ(a_f - β)) * tanh(a_g). The cell state
    is the output, h_t = c_t, so the state is h_t alone, a tensor. β makes the cell write a little
    more than it forgets. The paper sets the forget biases by the chrono rule.

    ========== ====================== ============
    Symbol     Parameter              Shape
    ========== ====================== ============
    W          ``weight_ih``          (2H, D): f,g
    U          ``weight_hh``          (2H, H): f,g
    b          ``bias_ih + bias_hh``  (2H,): f,g
    ========== ====================== ============

    Args:
        beta: β.
    """

    rows = "fg"
    state_type = Tensor
    options = ("beta",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        beta: float = 1.0,
    ) -> None:
        beta = check_number("beta", beta)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.beta = beta

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, JANETGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        a_f, a_g = self.pre_activations(x_t, state)
        f_t, i_t, g_t = a_f.sigmoid(), 1 - (a_f - self.beta).sigmoid(), a_g.tanh()
        h_t = f_t * state + i_t * g_t
        return h_t, JANETGates(i_t, f_t, g_t)


class MinLSTMCell(VariantCell):
    """The minimal LSTM of Feng et al. :cite:p:`feng2024`: no gate sees the hidden state.

    Equation :eq:`minlstm-step`: h_t = f' * h_{t-1} + i' * g_t with i' + f' = 1. The candidate is
    g_t = a_g. With ``positive=True`` it is the one of the paper's appendix on log-space: a_g + 1/2
    from 0 on, σ(a_g) below, so that every state stays positive.

    Since gates depend on inputs alone, all steps can be taken at once: `scan` returns what `step`
    returns step after step. It adds up in log T rounds of products with factors below 1. So it
    needs no logarithms, any sign will do, and a carried state goes in as it is.

    ========== ================ ==============
    Symbol     Parameter        Shape
    ========== ================ ==============
    W          ``weight_ih``    (3H, D): i,f,g
    b          ``bias_ih``      (3H,): i,f,g
    ========== ================ ==============

    Args:
        positive: Whether candidates are made positive.
    """

    rows = "ifg"
    recurrent = False
    state_type = Tensor
    options = ("positive",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        positive: bool = False,
    ) -> None:
        check_type("positive", positive, bool, "True or False")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.positive = positive

    def gates_of(self, x: Tensor) -> MinLSTMGates:
        """Return the gates and the candidate of any number of inputs, (…, D)."""
        W, b = self._read("weight_ih"), read_tensor(self, "bias_ih")
        a_i, a_f, a_g = functional.linear(x, W, b).chunk(3, dim=-1)
        # σ(a_f) / (σ(a_f) + σ(a_i)), without 0/0 where both vanish.
        odds = functional.logsigmoid(a_f) - functional.logsigmoid(a_i)
        g = torch.where(a_g >= 0, a_g + 0.5, a_g.sigmoid()) if self.positive else a_g
        return MinLSTMGates((-odds).sigmoid(), odds.sigmoid(), g)

    def step(self, x_t: Tensor, state: Tensor) -> tuple[Tensor, MinLSTMGates]:
        """Advance by one step and return the gates as well, in the form that `unroll` takes."""
        self._check_step(x_t, state)
        gates = self.gates_of(x_t)
        h_t = gates.f * state + gates.i * gates.g
        return h_t, gates

    def scan(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, MinLSTMGates]:
        """Take all steps at once.

        Args:
            x: Inputs, (T, B, D), or (T, D) for a single sequence.
            state: h_0, (B, H) or (H,); zeros if missing.

        Returns:
            The states h_t after each step, (T, B, H), and the gates of each step.

        Raises:
            TypeError: If x or the state is no tensor.
            ValueError: If x has not two or three dimensions.
            RuntimeError: If T = 0, or a size, dtype or device does not fit the parameters.
        """
        if check_tensor("x", x).dim() not in (2, 3):
            raise ValueError(
                f"MinLSTMCell: expected x of shape (T, B, {self.input_size}) or "
                f"(T, {self.input_size}), got {x.dim()}-D of shape {tuple(x.shape)}"
            )
        if len(x) == 0:
            raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
        self._check(x[0], () if state is None else (state,))
        gates = self.gates_of(x)
        h_0 = self.zero_state(x[0]) if state is None else state
        # Under autocast, gates are half and the state is not: add up as exactly as `step` does.
        terms = (gates.i * gates.g).to(h_0.dtype)
        return linear_scan(gates.f.to(h_0.dtype), terms, h_0), gates


def linear_scan(f: Tensor, v: Tensor, h_0: Tensor) -> Tensor:
    """Solve h_t = f_t * h_{t-1} + v_t for all t at once, in about log2 T rounds.

    Two steps in a row are one step of the same kind, with the factor f_t f_{t-1} and the term
    f_t v_{t-1} + v_t. Each round joins every step with the one that ends where it starts, so the
    span that a step covers doubles :cite:p:`hillis1986`. Factors in (0, 1) can underflow to 0 but
    not overflow.

    Args:
        f: Factors, (T, …).
        v: Terms, of the same shape.
        h_0: The value before the first step, (…).

    Returns:
        h_1 to h_T, of the shape of v.

    Raises:
        TypeError: If an argument is no tensor.
        ValueError: If f has no time axis, or another argument not as many dimensions as it needs.
        RuntimeError: If the shapes do not fit.
    """
    if check_tensor("f", f).dim() == 0:
        raise ValueError("expected f of shape (T, …), got 0-D")
    dims = " ".join("N" * (f.dim() - 1))
    check_shape("v", v, f"T {dims}", f.shape)
    check_shape("h_0", h_0, dims, f.shape[1:])
    span = 1
    while span < len(f):
        v = torch.cat([v[:span], f[span:] * v[:-span] + v[span:]])
        f = torch.cat([f[:span], f[span:] * f[:-span]])
        span *= 2
    return f * h_0 + v
