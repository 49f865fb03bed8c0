"""Models leave modes alone, make no answer of NaN, and keep working when parts are exchanged."""

import threading
import warnings

import pytest
import torch
from torch import nn

from lstm_book.layers import LSTM
from lstm_book.models import (
    CharLM,
    LastStepClassifier,
    NGram,
    Seq2Seq,
    SequenceClassifier,
    Tagger,
    Vocabulary,
    beam_search,
    sequence_cross_entropy,
)
from lstm_book.models.sampling import draw

SOURCE = torch.tensor([[1, 2], [3, 4], [0, 1]])
VOCABULARY = Vocabulary("abc")


def seq2seq(**options):
    return Seq2Seq(5, 5, 4, stop=0, dropout=0.5, num_layers=2, **options)


USES = {
    "greedy": (seq2seq, lambda m: m.greedy(SOURCE, max_length=3)),
    "greedy with attention": (
        lambda: seq2seq(attention="additive"),
        lambda m: m.greedy(SOURCE, max_length=3),
    ),
    "beam": (seq2seq, lambda m: m.beam(SOURCE, width=2, max_length=3)),
    "sample": (
        lambda: CharLM(VOCABULARY, 4, 2, dropout=0.5),
        lambda m: m.sample("ab", 4, generator=torch.Generator().manual_seed(0)),
    ),
    "bits": (
        lambda: CharLM(VOCABULARY, 4, 2, dropout=0.5),
        lambda m: m.bits_per_character("abcabc"),
    ),
}


def modes(model):
    return {name: part.training for name, part in model.named_modules()}


@pytest.mark.parametrize("use", USES)
def test_every_submodule_keeps_its_mode(use):
    make, call = USES[use]
    model = make().train()
    for name, part in model.named_children():
        if name in ("encoder", "layer"):
            part.eval()  # frozen: no dropout there
    before = modes(model)
    assert len(set(before.values())) == 2
    expected = call(model)
    assert modes(model) == before
    again = call(model.eval())
    pairs = (
        zip(expected, again, strict=True) if isinstance(expected, tuple) else [(expected, again)]
    )
    for one, other in pairs:
        equal = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
        assert equal  # in training mode too it answers as in evaluation mode


@pytest.mark.parametrize("use", USES)
def test_an_error_leaves_the_modes_alone(use):
    make, call = USES[use]
    model = make().train()
    with torch.no_grad():
        model.linear.weight.fill_(torch.nan)
    if use != "bits":
        with pytest.raises(FloatingPointError, match="NaN"):
            call(model)
    assert all(modes(model).values())


def test_threads_may_write_with_one_model():
    model = seq2seq().train()
    first = model.greedy(SOURCE, max_length=4)
    results = []

    def work():
        for _ in range(10):
            results.append(model.greedy(SOURCE, max_length=4))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(modes(model).values())
    assert all(torch.equal(result.tokens, first.tokens) for result in results)


@pytest.mark.parametrize(
    "logits", [[0.0, torch.nan, 1.0], [torch.inf, 0.0, 0.0], [-torch.inf] * 3], ids=str
)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nothing_is_drawn_where_there_is_no_distribution(logits, temperature):
    with pytest.raises(FloatingPointError, match="finite largest one"):
        draw(torch.tensor(logits), temperature)


def test_tokens_that_are_impossible_are_never_drawn():
    logits = torch.tensor([-torch.inf, 0.0, -torch.inf])
    assert all(int(draw(logits)) == 1 for _ in range(20))


def test_bits_of_a_model_gone_nan_are_nan():
    model = CharLM(VOCABULARY, 4)
    with torch.no_grad():
        model.linear.weight.fill_(torch.nan)
    assert torch.tensor(model.bits_per_character("abcabc")).isnan()


def constant(log_probabilities):
    table = torch.tensor(log_probabilities).log()
    return lambda tokens, state: (table.expand(len(tokens), -1), state)


SEARCH = {"start": 0, "stop": 1, "width": 1, "max_length": 3, "select": lambda state, rows: state}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"step": constant([torch.nan, 1.0])}, FloatingPointError, "NaN at step 1"),
        ({"step": lambda tokens, state: (torch.zeros(2), state)}, ValueError, "log-probabilities"),
        ({"step": lambda tokens, state: (torch.zeros(5, 2), state)}, RuntimeError, "N=1"),
        ({"step": None}, TypeError, "step to be a function"),
        ({"stop": 2}, RuntimeError, "from 0 to 1, got 0, 2"),
        ({"start": -1}, ValueError, "start to be a whole number"),
        ({"width": 1.0}, TypeError, "width to be a whole number"),
        ({"length_norm": torch.nan}, ValueError, "length_norm to be a finite number"),
        ({"length_norm": 1e308}, ValueError, "3\\^length_norm to be finite"),
    ],
)
def test_beams_that_cannot_be_searched(changes, error, message):
    with pytest.raises(error, match=message):
        beam_search(**{"step": constant([0.5, 0.5]), "state": None, **SEARCH, **changes})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
def test_linear_layers_may_be_quantised(attention):
    """Quantised weights are no tensors any more; the models must not ask them for a dtype."""
    torch.manual_seed(0)
    quantise = torch.ao.quantization.quantize_dynamic
    for make, call in (
        (lambda: CharLM(VOCABULARY, 8), lambda m: m(torch.tensor([[0], [1]]))[0]),
        (lambda: Tagger(LSTM(8, 8), 3, tokens=8), lambda m: m(torch.tensor([[1], [2]]))),
        (lambda: SequenceClassifier(LSTM(8, 8), 3), lambda m: m(torch.ones(4, 2, 8))),
        (lambda: LastStepClassifier(nn.LSTM(8, 8)), lambda m: m(torch.ones(4, 2, 8))),
        (
            lambda: Seq2Seq(5, 5, 8, stop=0, attention=attention),
            lambda m: m(SOURCE, SOURCE).logits,
        ),
        (
            lambda: Seq2Seq(5, 5, 8, stop=0, attention=attention),
            lambda m: m.greedy(SOURCE, max_length=3).log_probability.float(),
        ),
    ):
        model = make().eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantised = quantise(model, {nn.Linear})
        torch.testing.assert_close(call(quantised), call(model), atol=0.05, rtol=0.1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_read_out_has_the_layers_dtype(dtype):
    x = torch.zeros(3, 2, 4, dtype=dtype)
    assert SequenceClassifier(LSTM(4, 5, dtype=dtype), 3)(x).dtype == dtype
    assert Tagger(LSTM(4, 5, dtype=dtype), 3)(x).dtype == dtype
    tokens = torch.zeros(3, 2, dtype=torch.int64)
    assert Tagger(LSTM(4, 5, dtype=dtype), 3, tokens=7)(tokens).dtype == dtype
    assert LastStepClassifier(nn.LSTM(4, 5, dtype=dtype))(x).dtype == dtype


def test_no_sequence_at_all_gives_no_answer():
    none = torch.zeros(3, 0, dtype=torch.int64)
    assert Tagger(LSTM(4, 5), 3, tokens=4)(none).shape == (3, 0, 3)
    assert Tagger(LSTM(4, 5), 3)(torch.zeros(3, 0, 4)).shape == (3, 0, 3)
    assert SequenceClassifier(LSTM(4, 5), 3)(torch.zeros(3, 0, 4)).shape == (0, 3)
    assert LastStepClassifier(nn.LSTM(4, 5))(torch.zeros(3, 0, 4)).shape == (0,)
    assert CharLM(VOCABULARY, 4)(none)[0].shape == (3, 0, 3)
    assert seq2seq()(none, none).logits.shape == (3, 0, 5)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Vocabulary(3), TypeError),
        (lambda: VOCABULARY.encode(["a"]), TypeError),
        (lambda: VOCABULARY.decode("ab"), TypeError),
        (lambda: VOCABULARY.decode(torch.tensor([0.0])), TypeError),
        (lambda: VOCABULARY.decode(torch.zeros(1, 1, dtype=torch.int64)), ValueError),
        (lambda: CharLM("abc", 4), TypeError),
        (lambda: CharLM(VOCABULARY, 4, dropout=torch.nan), ValueError),
        (lambda: CharLM(VOCABULARY, 4).sample(None, 3), TypeError),
        (lambda: CharLM(VOCABULARY, 4).sample("a", 3, temperature="hot"), TypeError),
        (lambda: NGram("abc", 1), TypeError),
        (lambda: NGram(VOCABULARY, 1).fit(None), TypeError),
        (lambda: SequenceClassifier(LSTM(3, 4), 2.0), TypeError),
        (lambda: SequenceClassifier(LSTM(3, 4), 2)("x"), TypeError),
        (lambda: Tagger(LSTM(3, 4), 2)(None), TypeError),
        (lambda: seq2seq().decode(SOURCE, None), TypeError),
        (
            lambda: sequence_cross_entropy(SOURCE[..., None], SOURCE),
            RuntimeError,
        ),
    ],
)
def test_what_is_no_argument(call, error):
    with pytest.raises(error, match="expected"):
        call()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda: SequenceClassifier(LSTM(3, 4), 2),
        lambda: Tagger(LSTM(3, 4), 2),
        lambda: LastStepClassifier(nn.LSTM(3, 4), outputs=2),
    ],
)
def test_the_older_onnx_export_takes_models(make, tmp_path):
    """It hands on every argument by position, those with a default included."""
    import onnxruntime

    model, x = make().eval(), torch.randn(6, 2, 3)
    path = str(tmp_path / "model.onnx")
    torch.onnx.export(model, (x,), path, dynamo=False, input_names=["x"])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.as_tensor(result), model(x).detach(), atol=1e-5, rtol=1e-5)
