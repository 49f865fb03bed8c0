"""Reading in chunks: the same numbers as reading at once, and what cannot be read."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from lstm_book.cells import GRUCell, PeepholeLSTMCell
from lstm_book.layers import LSTM, Recurrent, read_in_chunks

T, B, D, H = 7, 3, 4, 5
LAYERS = {
    "nn.LSTM": nn.LSTM,
    "nn.GRU": nn.GRU,
    "nn.RNN": nn.RNN,
    "projected": lambda d, h, **k: nn.LSTM(d, h, proj_size=2, **k),
    "fused": LSTM,
    "unrolled": lambda d, h, **k: LSTM(d, h, engine="unrolled", **k),
    "gru cell": lambda d, h, **k: Recurrent(GRUCell(d, h), **k),
    "peephole cell": lambda d, h, **k: Recurrent(PeepholeLSTMCell(d, h), **k),
}
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
every_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def at_once(layer, x):
    return layer(x)[0].select(int(layer.batch_first), -1)


@every_layer
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("chunk", [1, 3, T, 10**30])
def test_results_and_gradients_are_those_of_reading_at_once(build, batch_first, chunk):
    layer = build(D, H, num_layers=2, batch_first=batch_first)
    x = torch.randn((B, T, D) if batch_first else (T, B, D), requires_grad=True)
    results = []
    for last in (at_once(layer, x), read_in_chunks(layer, x, chunk)):
        grads = torch.autograd.grad(last.square().sum(), [x, *layer.parameters()])
        results.append((last, *grads))
    torch.testing.assert_close(results[1], results[0])


@every_layer
def test_an_empty_batch_and_no_steps(build):
    layer = build(D, H)
    wanted = at_once(layer, torch.zeros(T, 0, D))
    assert read_in_chunks(layer, torch.zeros(T, 0, D), 3).shape == wanted.shape
    with pytest.raises(RuntimeError):
        read_in_chunks(layer, torch.zeros(0, B, D), 3)


@pytest.mark.parametrize("engine", ["fused", "unrolled"])
def test_under_autocast(engine):
    layer = LSTM(D, H, engine=engine)
    linear, x = nn.Linear(D, D), torch.randn(T, B, D)
    wanted = at_once(layer, linear(x))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        last = read_in_chunks(layer, linear(x), 3)
        assert last.dtype == at_once(layer, linear(x)).dtype
    torch.testing.assert_close(last.float(), wanted, rtol=0, atol=0.05)
    last.float().sum().backward()
    assert layer.weight_hh_l0.grad.isfinite().all()


@pytest.mark.parametrize(
    "act",
    [
        lambda m: parametrizations.weight_norm(m, "weight_hh_l0"),
        lambda m: prune.l1_unstructured(m, "weight_hh_l0", amount=0.5),
        lambda m: m.register_forward_hook(lambda m, a, out: (2 * out[0], out[1])),
    ],
    ids=["normed", "pruned", "hooked"],
)
@pytest.mark.parametrize("kind", [nn.LSTM, LSTM])
def test_the_layer_is_called_with_all_that_is_on_it(kind, act):
    layer = kind(D, H)
    act(layer)
    x = torch.randn(T, B, D)
    torch.testing.assert_close(read_in_chunks(layer, x, 3), at_once(layer, x))


def test_an_overridden_forward_is_called():
    class Louder(LSTM):
        def forward(self, *arguments):
            output, state = super().forward(*arguments)
            return 2 * output, state

    layer, x = Louder(D, H), torch.randn(T, B, D)
    torch.testing.assert_close(read_in_chunks(layer, x, 3), at_once(layer, x))


X = torch.zeros(T, B, D)


@pytest.mark.parametrize(
    ("layer", "x", "chunk", "error", "words"),
    [
        (nn.LSTM(D, H), X, 0, ValueError, "chunk to be a whole number from 1 on, got 0"),
        (nn.LSTM(D, H), X, -1, ValueError, "chunk to be a whole number from 1 on, got -1"),
        (nn.LSTM(D, H), X, 2.0, TypeError, "chunk to be a whole number"),
        (nn.LSTM(D, H), X, float("nan"), TypeError, "chunk to be a whole number"),
        (nn.LSTM(D, H), X, "a", TypeError, "chunk to be a whole number"),
        (nn.LSTM(D, H), X, None, TypeError, "chunk to be a whole number"),
        (nn.LSTM(D, H), X, True, TypeError, "chunk to be a whole number"),
        (nn.Linear(D, H), X, 2, TypeError, "layer to be an LSTM, GRU, RNN or Recurrent, got Lin"),
        (GRUCell(D, H), X, 2, TypeError, "got GRUCell"),
        (nn.LSTM, X, 2, TypeError, "got type"),
        (None, X, 2, TypeError, "got NoneType"),
        (nn.LSTM(D, H), "a", 2, TypeError, "x to be a torch.Tensor, got str"),
        (nn.LSTM(D, H), None, 2, TypeError, "x to be a torch.Tensor, got NoneType"),
        (nn.LSTM(D, H), X[0], 2, ValueError, r"x of shape \(T, B, D\), got \(3, 4\)"),
        (nn.LSTM(D, H, bidirectional=True), X, 2, ValueError, "one direction"),
        (nn.LSTM(D + 1, H), X, 2, RuntimeError, "input_size"),
        (LSTM(D, H), X.double(), 2, ValueError, "dtype"),
    ],
)
def test_what_cannot_be_read(layer, x, chunk, error, words):
    with pytest.raises(error, match=words):
        read_in_chunks(layer, x, chunk)
