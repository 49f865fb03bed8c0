"""The twin of a model answers as the model would in evaluation mode, and leaves it alone."""

import copy
import threading
import types

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from lstm_book.cells import GRUCell, RecurrentDropoutLSTMCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.modes import evaluation_twin


class Both(nn.Module):
    """Any layer between parts whose answer depends on the mode."""

    def __init__(self, layer):
        super().__init__()
        self.norm, self.dropout, self.layer = nn.BatchNorm1d(3), nn.Dropout(0.5), layer
        self.again = self.norm  # one module at two places
        self.out = nn.Linear(3, 3)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.count += 1
        found = self.layer(self.dropout(self.norm(x)))
        found = found[0] if isinstance(found, tuple) else found
        return self.again(self.out(found[..., :3]))


class Lists(nn.Module):
    """A module that refers to its parts in every way there is."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Dropout(0.5), nn.Dropout(0.5), nn.Dropout(0.5)])
        self.listed, self.named = list(self.parts), dict(enumerate(self.parts))
        self.paired = (self.parts[0], None)
        object.__setattr__(self, "hidden", self.parts[1])
        self.call = self.parts[2].forward
        self.forward = types.MethodType(type(self).run, self)

    def run(self, x):
        x = self.listed[0](self.named[1](x))
        return self.call(self.hidden(self.paired[0](x)))


def pruned(layer, name):
    prune.l1_unstructured(layer, name, 0.5)
    return layer


def old_weight_norm(layer, name):
    with pytest.warns(FutureWarning, match="weight_norm"):
        return nn.utils.weight_norm(layer, name)


LAYERS = {
    "linear": lambda: nn.Linear(3, 3),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 3)),
    "nn.LSTM": lambda: nn.LSTM(3, 3, 2, dropout=0.5),
    "LSTM": lambda: LSTM(3, 3, num_layers=2, dropout=0.5),
    "GRU": lambda: Recurrent(GRUCell(3, 3)),
    "RecurrentDropout": lambda: Recurrent(RecurrentDropoutLSTMCell(3, 3, p=0.5)),
    "parametrised": lambda: parametrizations.weight_norm(nn.LSTM(3, 3), "weight_hh_l0"),
    "spectral": lambda: parametrizations.spectral_norm(nn.Linear(3, 3)),
    "old spectral": lambda: nn.utils.spectral_norm(nn.Linear(3, 3)),
    "old weight norm": lambda: old_weight_norm(nn.LSTM(3, 3), "weight_hh_l0"),
    "pruned": lambda: pruned(nn.LSTM(3, 3), "weight_ih_l0"),
    "lists": Lists,
    "scripted": lambda: torch.jit.script(nn.Dropout(0.5)),
    "transformer": lambda: nn.TransformerEncoderLayer(3, 1, 8, dropout=0.5),
    "data parallel": lambda: nn.DataParallel(nn.Dropout(0.5)),
}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", LAYERS)
def test_the_twin_answers_as_the_model_in_evaluation_mode(name):
    torch.manual_seed(0)
    model = Both(LAYERS[name]())
    model.out.eval()
    x = torch.randn(6, 3)
    model(x)  # buffers have moved, and weights of norms are no leaves
    modes = {name: module.training for name, module in model.named_modules()}
    before = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        got = evaluation_twin(model)(x)
    assert {name: module.training for name, module in model.named_modules()} == modes
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    with torch.no_grad():
        assert torch.equal(got, model.eval()(x))


def test_a_model_in_evaluation_mode_is_its_own_twin():
    model = Both(nn.Linear(3, 3)).eval()
    assert evaluation_twin(model) is model
    model.dropout.train()
    twin = evaluation_twin(model)
    assert twin is not model
    assert type(twin) is Both
    assert twin.again is twin.norm is not model.norm


def test_numbers_and_hooks_are_the_models_own():
    model, seen = Both(nn.LSTM(3, 3)), []
    model.out.register_forward_hook(lambda module, inputs, out: seen.append(module.training))
    twin = evaluation_twin(model)
    x = torch.randn(6, 3)
    first = twin(x)
    assert seen == [False]
    for a, b in zip(twin.parameters(), model.parameters(), strict=True):
        assert a is b
    for a, b in zip(twin.buffers(), model.buffers(), strict=True):
        assert a is b
    with torch.no_grad():
        model.out.bias += 1  # the twin sees what training does
        model.again.bias[0] += 2
    assert not torch.equal(twin(x), first)


class Merged(nn.Linear):
    """A layer whose switch to evaluation mode changes its weights."""

    def train(self, mode=True):
        with torch.no_grad():
            self.weight.mul_(2.0 if mode else 0.5)
        return super().train(mode)


def test_a_switch_of_the_models_own_is_not_thrown():
    model = nn.Sequential(Merged(3, 3), nn.Dropout(0.5))
    before = model[0].weight.clone()
    evaluation_twin(model)(torch.zeros(1, 3))
    assert torch.equal(model[0].weight, before)


def test_a_compiled_model_runs_in_evaluation_mode():
    model, x = Both(nn.Dropout(0.5)), torch.randn(6, 3)
    with torch.no_grad():
        wanted = copy.deepcopy(model).eval()(x)
    inside, in_place = copy.deepcopy(model), copy.deepcopy(model)
    inside.layer = torch.compile(inside.layer, backend="eager")
    in_place.compile(backend="eager")
    for made in (torch.compile(model, backend="eager"), inside, in_place):
        with torch.no_grad():
            assert torch.equal(evaluation_twin(made)(x), wanted)
        assert all(module.training for module in made.modules())


def test_threads_neither_lose_a_mode_nor_see_another():
    torch.manual_seed(0)
    model = Both(nn.Dropout(0.5))
    x = torch.randn(6, 3)
    with torch.no_grad():
        wanted = copy.deepcopy(model).eval()(x)
    wrong, stop = [], threading.Event()

    def evaluate():
        with torch.no_grad():
            for _ in range(50):
                if not torch.equal(evaluation_twin(model)(x), wanted):
                    wrong.append("answer")

    def watch():
        while not stop.is_set():
            if not all(module.training for module in model.modules()):
                wrong.append("mode")

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=evaluate) for _ in range(4)]
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    watcher.join()
    assert not wrong
