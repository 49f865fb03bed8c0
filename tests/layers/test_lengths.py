"""Lengths: what is refused, and where their values cannot be read at once."""

import numpy as np
import pytest
import torch
from support import label

from lstm_book.cells import GRUCell, LSTMCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.layers.lengths import check_lengths

T, B, D, H = 6, 3, 4, 5
LENGTHS = [4, 6, 1]
LAYERS = {
    "fused": lambda **k: LSTM(D, H, **k),
    "unrolled": lambda **k: LSTM(D, H, engine="unrolled", **k),
    "lstm-cell": lambda **k: Recurrent(LSTMCell(D, H), **k),
    "gru-cell": lambda **k: Recurrent(GRUCell(D, H), **k),
}
every_layer = pytest.mark.parametrize("build", LAYERS.values(), ids=LAYERS)


def sequences(batch=B):
    return torch.randn(T, batch, D, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "lengths",
    [
        LENGTHS,
        tuple(LENGTHS),
        [np.int64(4), np.int32(6), np.uint8(1)],
        [torch.tensor(4), torch.tensor(6), torch.tensor(1)],
        np.array(LENGTHS),
        torch.tensor(LENGTHS, dtype=torch.uint8),
        torch.tensor(LENGTHS, dtype=torch.int32),
    ],
    ids=["list", "tuple", "numpy numbers", "tensors", "array", "uint8", "int32"],
)
def test_whole_numbers_of_every_kind(lengths):
    checked = check_lengths(lengths, T, B)
    assert checked.tolist() == LENGTHS
    assert checked.dtype == torch.int64


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([1, 2], RuntimeError, r"one length for each of 3 sequences, got shape \(2,\)"),
        ([[1, 2, 3]], RuntimeError, r"got shape \(1, 3\)"),
        (3, RuntimeError, r"got shape \(\)"),
        ([], RuntimeError, r"got shape \(0,\)"),
        ([1, 0, 2], RuntimeError, f"from 1 to T={T}, got 0 for sequence 1"),
        ([1, 2, -1], RuntimeError, "got -1 for sequence 2"),
        ([T + 1, 1, 1], RuntimeError, f"got {T + 1} for sequence 0"),
        ([1, 2, 10**30], TypeError, "whole numbers"),
        ([1.0, 2.0, 3.0], TypeError, "whole numbers, got dtype torch.float"),
        ([1, 2.5, 3], TypeError, "whole numbers, got dtype torch.float"),
        ([float("nan")] * 3, TypeError, "whole numbers"),
        ([True, True, False], TypeError, "whole numbers, got"),
        ([1, True, 2], TypeError, "whole numbers, got"),
        (torch.ones(3, dtype=torch.bool), TypeError, "got dtype torch.bool"),
        (torch.ones(3, dtype=torch.complex64), TypeError, "got dtype torch.complex64"),
        (torch.zeros(0), TypeError, "got dtype torch.float32"),
        ("abc", TypeError, "tensor or list of whole numbers"),
        ([1, None, 2], TypeError, "tensor or list of whole numbers"),
        ({1: 2}, TypeError, "tensor or list of whole numbers"),
        (object(), TypeError, "tensor or list of whole numbers"),
    ],
    ids=label,
)
def test_what_is_no_length(lengths, error, words):
    with pytest.raises(error, match=words):
        check_lengths(lengths, T, B)


@every_layer
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("lengths", [None, [], torch.zeros(0, dtype=torch.int64)], ids=str)
def test_an_empty_batch(build, options, lengths):
    layer = build(**options)
    directions = 1 + layer.bidirectional
    for output, state in (
        layer(torch.zeros(T, 0, D), lengths=lengths),
        layer.run(torch.zeros(T, 0, D), lengths=lengths)[:2],
    ):
        assert output.shape == (T, 0, directions * H)
        for tensor in state if isinstance(state, tuple) else (state,):
            assert tensor.shape == (layer.num_layers * directions, 0, H)


@every_layer
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_under_vmap_each_batch_has_its_lengths(build, options):
    layer = build(**options)
    x = sequences(2 * B).view(T, 2, B, D)
    lengths = torch.tensor([LENGTHS, [6, 2, 3]])

    def call(x, lengths):
        output, state = layer(x, lengths=lengths)
        return output, *(state if isinstance(state, tuple) else (state,))

    together = torch.vmap(call, in_dims=(1, 0))(x, lengths)
    for n in range(2):
        for ours, alone in zip(together, call(x[:, n], lengths[n]), strict=True):
            torch.testing.assert_close(ours[n], alone)


@every_layer
def test_under_vmap_over_lengths_alone_and_twice(build):
    layer = build()
    x = sequences()
    lengths = torch.tensor([[LENGTHS, [6, 2, 3]], [[1, 1, 1], [5, 6, 4]]])
    call = lambda n: layer(x, lengths=n)[0]  # noqa: E731
    together = torch.vmap(torch.vmap(call))(lengths)
    for i in range(2):
        for j in range(2):
            torch.testing.assert_close(together[i, j], call(lengths[i, j]))


@every_layer
@pytest.mark.parametrize("wrong", [0, T + 1, -3])
def test_under_vmap_lengths_are_checked(build, wrong):
    layer, x, lengths = build(), sequences(), torch.tensor([LENGTHS, [6, wrong, 3]])
    with pytest.raises(RuntimeError, match=f"from 1 to T={T}, got {wrong}"):
        torch.vmap(lambda n: layer(x, lengths=n)[0])(lengths)


def test_gradients_for_each_example_with_its_length():
    """`torch.func` over examples, against each one alone."""
    layer = LSTM(D, H, engine="unrolled", dtype=torch.float64)
    weights = dict(layer.named_parameters())
    x = sequences().double()
    lengths = torch.tensor(LENGTHS)

    def loss(weights, x, n):
        options = {"lengths": n[None]}
        return torch.func.functional_call(layer, weights, (x[:, None],), options)[0].square().sum()

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1, 0))(weights, x, lengths)
    for b in range(B):
        alone = torch.func.grad(loss)(weights, x[:, b], lengths[b])
        for name, gradient in alone.items():
            torch.testing.assert_close(together[name][b], gradient)


# torch.export says so of its own nn.LSTM as well.
@pytest.mark.filterwarnings("ignore:The tensor attributes self._flat_weights:UserWarning")
@every_layer
def test_an_exported_layer_takes_other_lengths_and_checks_them(build):
    layer = build().eval()
    x = sequences()
    exported = torch.export.export(layer, (x,), {"lengths": torch.tensor([6, 6, 6])}).module()
    output, state = exported(x, lengths=torch.tensor(LENGTHS))
    wanted, last = layer(x, lengths=LENGTHS)
    torch.testing.assert_close(output, wanted)
    torch.testing.assert_close(state, last)
    with pytest.raises(RuntimeError, match=f"lengths from 1 to T={T}"):
        exported(x, lengths=torch.tensor([4, T + 1, 1]))


def test_a_captured_layer_checks_them_when_it_runs():
    layer = Recurrent(GRUCell(D, H))
    captured = torch.compile(layer, backend="eager", fullgraph=True)
    x, lengths = sequences(), torch.tensor(LENGTHS)
    torch.testing.assert_close(captured(x, lengths=lengths)[0], layer(x, lengths=lengths)[0])
    with pytest.raises(RuntimeError, match=f"lengths from 1 to T={T}"):
        captured(x, lengths=torch.tensor([4, 0, 1]))
    torch._dynamo.reset()


@every_layer
def test_without_memory(build):
    """On the meta device there are sizes and no values."""
    layer = build().to("meta")
    output, _ = layer(sequences().to("meta"), lengths=torch.tensor(LENGTHS, device="meta"))
    assert output.shape == (T, B, H)
