"""LastStepClassifier against torch's layer and a read-out done by hand."""

import pytest
import torch
from support import normal
from torch import nn

from lstm_book.cells import LSTMCell, PeepholeLSTMCell
from lstm_book.layers import Recurrent
from lstm_book.models import LastStepClassifier

T, B, D, H = 5, 3, 2, 4
LAYERS = {
    "LSTM": lambda **o: nn.LSTM(D, H, **o),
    "RNN": lambda **o: nn.RNN(D, H, **o),
    "GRU": lambda **o: nn.GRU(D, H, **o),
    "two layers": lambda **o: nn.LSTM(D, H, num_layers=2, **o),
    "projected": lambda **o: nn.LSTM(D, H, proj_size=2, **o),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")  # says how it computes
@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
@pytest.mark.parametrize("name", LAYERS)
def test_logits_against_the_last_hidden_state_and_its_gradients(name, batch_first, generator):
    model = LastStepClassifier(LAYERS[name](batch_first=batch_first))
    x = normal(T, B, D, generator=generator, dtype=torch.float32)
    logits = model(x.transpose(0, 1) if batch_first else x)
    assert logits.shape == (B,)

    time_first = LAYERS[name]()
    time_first.load_state_dict(model.layer.state_dict())
    _, last = time_first(x)
    h_T = (last[0] if isinstance(last, tuple) else last)[-1]
    want = (h_T * model.readout.weight[0]).sum(-1) + model.readout.bias
    torch.testing.assert_close(logits, want)

    logits.sum().backward()
    want.sum().backward()  # also doubles the read-out's gradient, which is not looked at
    for name_, parameter in model.layer.named_parameters():
        torch.testing.assert_close(parameter.grad, time_first.get_parameter(name_).grad)


@pytest.mark.parametrize("outputs", [1, 3])
def test_as_many_answers_as_asked(outputs, generator):
    model = LastStepClassifier(nn.LSTM(D, H, batch_first=True), outputs=outputs)
    x = normal(B, T, D, generator=generator, dtype=torch.float32)
    assert model(x).shape == (B, outputs)
    torch.testing.assert_close(model(x), model.readout(model.layer(x)[0][:, -1]))
    torch.testing.assert_close(model(x, chunk=2), model(x))
    with pytest.raises(ValueError, match="outputs to be a whole number from 1 on, got 0"):
        LastStepClassifier(nn.LSTM(D, H), outputs=0)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [False, True], ids=["time-first", "batch-first"])
def test_the_last_states_of_every_layer(kind, batch_first, generator):
    layer = kind(D, H, num_layers=2, batch_first=batch_first)
    model = LastStepClassifier(layer, every_layer=True)
    x = normal(T, B, D, generator=generator, dtype=torch.float32)
    given = x.transpose(0, 1) if batch_first else x
    state = layer(given)[1]
    lower, upper = state[0] if kind is nn.LSTM else state
    want = torch.cat([lower, upper], dim=1) @ model.readout.weight[0] + model.readout.bias
    torch.testing.assert_close(model(given), want)
    with pytest.raises(ValueError, match="expected no chunk"):
        model(given, chunk=2)


def test_any_cell_as_a_layer(generator):
    layer = Recurrent(PeepholeLSTMCell(D, H), num_layers=2)
    model = LastStepClassifier(layer)
    x = normal(T, B, D, generator=generator, dtype=torch.float32)
    torch.testing.assert_close(model(x), model.readout(layer(x)[0][-1]).squeeze(-1))
    torch.testing.assert_close(model(x, chunk=2), model(x))


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches_keep_their_dimension(batch):
    assert LastStepClassifier(nn.LSTM(D, H))(torch.zeros(T, batch, D)).shape == (batch,)


def test_readout_has_the_layers_dtype_and_device():
    assert (
        LastStepClassifier(nn.LSTM(D, H, dtype=torch.float64))(
            torch.zeros(T, B, D, dtype=torch.float64)
        ).dtype
        == torch.float64
    )
    assert LastStepClassifier(nn.LSTM(D, H, device="meta")).readout.weight.is_meta


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(H, D), (D,), (1, T, B, D)])
def test_input_must_be_a_batch_of_sequences(shape, batch_first):
    # A single sequence of H steps, batch first, would otherwise be read as H features.
    model = LastStepClassifier(nn.LSTM(D, H, batch_first=batch_first))
    with pytest.raises(ValueError, match=r"expected x .*3-D, got .-D") as error:
        model(torch.zeros(shape))
    assert str(shape) in str(error.value)
    assert ("(B, T, D" if batch_first else "(T, B, D") in str(error.value)


def test_no_steps_raise_torchs_class():
    layer = nn.LSTM(D, H)
    with pytest.raises(RuntimeError, match="larger than 0"):
        LastStepClassifier(layer)(torch.zeros(0, B, D))


@pytest.mark.parametrize("layer", [LSTMCell(D, H), nn.LSTMCell(D, H), nn.Linear(D, H), None])
def test_what_is_no_layer(layer):
    with pytest.raises(TypeError, match=f"recurrent layer: .* got {type(layer).__name__}"):
        LastStepClassifier(layer)


def test_both_directions_are_an_error():
    with pytest.raises(ValueError, match="one direction, got a bidirectional one"):
        LastStepClassifier(nn.LSTM(D, H, bidirectional=True))
