"""Every mistake raises torch's error class; the message says what was expected and what came."""

import pytest
import torch
from torch import nn

from lstm_book.cells import LSTMCell, RNNCell

z = torch.zeros
f64, meta = {"dtype": torch.float64}, {"device": "meta"}

# name: input, state shape and options (None: no state), what the message must hold
CALLS = {
    "input 0-D": (z(()), None, ["(B, 3) or (3,)", "0-D"]),
    "input 3-D": (z(2, 2, 3), None, ["(B, 3) or (3,)", "3-D", "(2, 2, 3)"]),
    "features": (z(2, 4), None, ["input_size=3", "4", "(2, 4)"]),
    "features unbatched": (z(4), None, ["input_size=3", "(4,)"]),
    "integers": (z(2, 3).long(), None, ["float32", "int64"]),
    "input float64": (z(2, 3, **f64), None, ["float32", "float64"]),
    "input on meta": (z(2, 3, **meta), None, ["cpu", "meta"]),
    "state 0-D": (z(2, 3), z(()), ["(2, 5)", "0-D"]),
    "state 3-D": (z(2, 3), z(1, 2, 5), ["(2, 5)", "3-D", "(1, 2, 5)"]),
    "state units": (z(2, 3), z(2, 4), ["(2, 5)", "(2, 4)"]),
    "state batch of one": (z(2, 3), z(1, 5), ["(2, 5)", "(1, 5)"]),
    "state batch": (z(2, 3), z(3, 5), ["(2, 5)", "(3, 5)"]),
    "state unbatched": (z(2, 3), z(5), ["(2, 5)", "(5,)"]),
    "state batched": (z(3), z(1, 5), ["(5,)", "(1, 5)"]),
    "state float64": (z(2, 3), z(2, 5, **f64), ["float32", "float64"]),
    "state on meta": (z(2, 3), z(2, 5, **meta), ["cpu", "meta"]),
}
CELLS = [
    pytest.param(LSTMCell, nn.LSTMCell, id="LSTM"),
    pytest.param(RNNCell, nn.RNNCell, id="RNN"),
]
cells = pytest.mark.parametrize(("ours", "torchs"), CELLS)


def same_error(ours, torchs):
    """Return our error after checking that torch raises the same class."""
    with pytest.raises(Exception) as wanted:  # noqa: PT011
        torchs()
    with pytest.raises(wanted.type) as got:
        ours()
    assert got.type is wanted.type
    return str(got.value)


@pytest.mark.parametrize("mistake", CALLS)
@cells
def test_call_raises_torchs_class(ours, torchs, mistake):
    x, state, words = CALLS[mistake]
    hx = state if state is None or ours is RNNCell else (state, state)
    message = same_error(lambda: ours(3, 5)(x, hx), lambda: torchs(3, 5)(x, hx))
    assert ours.__name__ in message
    assert "expected" in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("h", "c", "words"),
    [
        (z(2, 5), z(2, 4), ["hx[1]", "(2, 5)", "(2, 4)"]),
        (z(2, 5), z(1, 5), ["hx[1]", "(2, 5)", "(1, 5)"]),
        (z(2, 5), z(1, 2, 5), ["hx[1]", "(2, 5)", "3-D"]),
        (z(2, 4), z(2, 5), ["hx[0]", "(2, 5)", "(2, 4)"]),
    ],
)
def test_lstm_cell_names_the_state_at_fault(h, c, words):
    x = z(2, 3)
    message = same_error(lambda: LSTMCell(3, 5)(x, (h, c)), lambda: nn.LSTMCell(3, 5)(x, (h, c)))
    for word in words:
        assert word in message


def test_lstm_cell_rejects_a_cell_state_of_another_dtype():
    # torch lets this one pass and returns a float32 cell; mixed dtypes are a mistake all the same.
    with pytest.raises(RuntimeError, match=r"hx\[1\] of dtype torch.float32.*float64"):
        LSTMCell(3, 5)(z(2, 3), (z(2, 5), z(2, 5, **f64)))


@pytest.mark.parametrize("count", [1, 3])
def test_lstm_cell_needs_two_states(count):
    x, hx = z(2, 3), (z(2, 5),) * count
    message = same_error(lambda: LSTMCell(3, 5)(x, hx), lambda: nn.LSTMCell(3, 5)(x, hx))
    assert "(h, c)" in message
    assert f"{count} state" in message


@pytest.mark.parametrize("hx", [z(2, 5), z(2, 2, 5), 5], ids=["(B, H)", "(2, B, H)", "number"])
def test_lstm_cell_wants_a_tuple_of_states(hx):
    message = same_error(
        lambda: LSTMCell(3, 5)(z(2, 3), hx), lambda: nn.LSTMCell(3, 5)(z(2, 3), hx)
    )
    assert "tuple (h, c)" in message
    assert type(hx).__name__ in message


@pytest.mark.parametrize(
    "call",
    [
        lambda: LSTMCell(3, 5)([1.0, 2.0, 3.0]),
        lambda: RNNCell(3, 5)([1.0, 2.0, 3.0]),
        lambda: RNNCell(3, 5)(z(2, 3), [1.0]),
        lambda: LSTMCell(3, 5)(z(2, 3), ([1.0], [2.0])),
    ],
)
def test_what_is_no_tensor_is_a_type_error(call):
    with pytest.raises(TypeError, match=r"expected .* to be a torch.Tensor, got list"):
        call()


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((-1, 5), ["input_size", "-1"]),
        ((3, -5), ["hidden_size", "-5"]),
        (("3", 5), ["input_size", "whole number", "str"]),
        ((3.0, 5), ["input_size", "whole number", "float"]),
        ((3, 5.0), ["hidden_size", "whole number", "float"]),
        ((None, 5), ["input_size", "whole number", "None"]),
    ],
)
@cells
def test_constructor_raises_torchs_class(ours, torchs, sizes, words):
    message = same_error(lambda: ours(*sizes), lambda: torchs(*sizes))
    for word in words:
        assert word in message


@pytest.mark.parametrize("nonlinearity", ["gelu", "Tanh", None])
def test_unknown_nonlinearity_raises_the_class_of_nn_rnn(nonlinearity):
    # nn.RNNCell only notices when it is called; nn.RNN notices here.
    message = same_error(
        lambda: RNNCell(3, 5, nonlinearity=nonlinearity),
        lambda: nn.RNN(3, 5, nonlinearity=nonlinearity),
    )
    assert "'tanh', 'relu'" in message
    assert repr(nonlinearity) in message


@cells
def test_empty_batch_is_no_error(ours, torchs):
    got, want = ours(3, 5)(z(0, 3)), torchs(3, 5)(z(0, 3))
    torch.testing.assert_close(tuple(got) if ours is LSTMCell else got, want, rtol=0, atol=0)
