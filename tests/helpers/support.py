"""Problems to try things on: seeded weights, inputs and states."""

import re
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.cells import LSTMState, Weights, lstm_1997_step, lstm_step, rnn_step
from lstm_book.layers import unroll

GATES = {"rnn": 1, "lstm_1997": 3, "lstm": 4}


class Problem(NamedTuple):
    """An input sequence (T, B, D), weights and a state to start from."""

    x: Tensor
    weights: Weights
    initial: LSTMState

    def leaves(self):
        """Return a copy with every tensor a leaf that asks for its gradient."""
        return Problem(
            _leaf(self.x), Weights(*map(_leaf, self.weights)), LSTMState(*map(_leaf, self.initial))
        )

    def run(self, kind="lstm"):
        """Unroll; a simple RNN starts from h alone."""
        x, weights, initial = self
        if kind == "rnn":
            return unroll(lambda x_t, h: (rnn_step(x_t, h, *weights), ()), x, initial.h)
        step = {"lstm": lstm_step, "lstm_1997": lstm_1997_step}[kind]
        return unroll(lambda x_t, state: step(x_t, state, *weights), x, initial)


def label(value):
    """Name a test case; without places in memory, which every process has its own."""
    return re.sub(r" at 0x\w+", "", str(value))


def normal(*shape, generator, scale=1.0, dtype=torch.float64):
    return scale * torch.randn(*shape, generator=generator, dtype=dtype)


def problem(kind="lstm", T=6, B=3, D=2, H=4, *, seed=0, dtype=torch.float64):
    """Draw a problem with weights large enough for the gates to move."""
    generator = torch.Generator().manual_seed(seed)
    rows = GATES[kind] * H

    def draw(*shape, scale=1.0):
        return normal(*shape, generator=generator, scale=scale, dtype=dtype)

    weights = Weights(draw(rows, D, scale=0.7), draw(rows, H, scale=0.7), draw(rows, scale=0.5))
    h, c = draw(B, H).tanh(), draw(B, H)
    return Problem(draw(T, B, D), weights, LSTMState(h, c))


def copy_of(module, like):
    """Give a module the parameters of another one, by name and strictly."""
    module.load_state_dict(like.state_dict(), strict=True)
    return module


def replica(module):
    """Return a copy as `nn.DataParallel` makes it: tensors where there were parameters."""
    copy = module._replicate_for_data_parallel()
    for name, parameter in module._parameters.items():
        setattr(copy, name, None if parameter is None else parameter * 1)
    for name, child in module._modules.items():
        copy._modules[name] = replica(child)
    if isinstance(module, nn.RNNBase):
        copy._flat_weights = [getattr(copy, name) for name in copy._flat_weights_names]
    return copy


def _leaf(tensor):
    return tensor.detach().clone().requires_grad_()
