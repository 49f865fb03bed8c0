"""Jacobians along a trajectory against autograd and finite differences, for every kind of layer."""

import pytest
import torch
from dynamics_layers import KINDS, layer_of, stepped

from lstm_book.dynamics import linearise


def joined(state):
    return torch.cat(tuple(state), -1) if isinstance(state, tuple) else state


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize("kind", KINDS)
def test_against_finite_differences(kind):
    layer = layer_of(kind).double()
    x = torch.randn(4, 2, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    linear = linearise(layer, x.transpose(0, 1) if layer.batch_first else x)
    before = linear.states if not isinstance(linear.states, tuple) else tuple(linear.states)
    sizes = [s.shape[-1] for s in before] if isinstance(before, tuple) else None
    whole, size, row = joined(before), 1e-6, 1
    for t in (1, 3):
        s = whole[t - 1, row]
        columns = []
        for direction in torch.eye(len(s), dtype=s.dtype) * size:
            ends = [s + direction, s - direction]
            with torch.no_grad():
                ends = [
                    joined(
                        stepped(layer, x[t, row], e[None].split(sizes, -1) if sizes else e[None])
                    )
                    for e in ends
                ]
            columns.append((ends[0] - ends[1])[0] / (2 * size))
        torch.testing.assert_close(
            linear.jacobians[t, row], torch.stack(columns, -1), rtol=0, atol=1e-8
        )


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_the_layer(kind):
    layer = layer_of(kind).double()
    x = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = x.transpose(0, 1) if layer.batch_first else x
    with torch.no_grad():
        output, _ = layer(x)
    states = linearise(layer, x).states
    h = states.h if isinstance(states, tuple) else states
    torch.testing.assert_close(h.transpose(0, 1) if layer.batch_first else h, output)


def test_a_state_to_start_from_and_no_steps():
    layer = layer_of("GRU")
    x, state = torch.zeros(2, 3, 2), torch.ones(2, 3)
    with torch.no_grad():
        wanted = layer(x, state[None])[1][0]
    torch.testing.assert_close(linearise(layer, x, state).states[-1].float(), wanted)
    with pytest.raises(RuntimeError, match="at least one time step"):
        linearise(layer, torch.zeros(2, 0, 2))
    with pytest.raises(ValueError, match="3-D, got 1-D"):
        linearise(layer, torch.zeros(2))
    with pytest.raises(RuntimeError, match=r"expected x of dtype torch\.float32"):
        linearise(layer, x.double())
