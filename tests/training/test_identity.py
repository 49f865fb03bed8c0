"""What things are is said in plain values, the same ones in every process."""

import enum
import functools
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lstm_book.tasks import Adding
from lstm_book.training.identity import describe, describe_model, differences


class Bare:
    def __init__(self, **fields):
        self.__dict__.update(fields)


@dataclass
class Held:
    """A dataclass, whose repr says where in memory what it holds is."""

    inner: object


class Shade(enum.Enum):
    DARK = 1


def looped():
    thing = Bare(name="loop")
    thing.itself = thing
    return thing


def own():
    pass


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (True, True),
        (None, None),
        (3, 3),
        (0.1, 0.1),
        (math.inf, math.inf),
        (math.nan, "nan"),
        ("a", "a"),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), "nan"),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ((1, [2.0, "b"]), [1, [2.0, "b"]]),
        ({1: (2,), "b": np.int8(1)}, {"1": [2], "b": 1}),
        ({3, 1, 2}, ["1", "2", "3"]),
        (Path("a/b"), repr(Path("a/b"))),
        (torch.float32, "torch.float32"),
        (torch.__version__, str(torch.__version__)),
        (Shade.DARK, "<Shade.DARK: 1>"),
        (own, "own"),
        (torch.tanh, "_VariableFunctionsClass.tanh"),
        (Bare, "Bare"),
        (Adding(9), repr(Adding(9))),
        (Bare(), {"class": "Bare"}),
        (Bare(a=1, _b=2), {"class": "Bare", "a": 1}),
        (Bare(a=Bare(b=(1,))), {"class": "Bare", "a": {"class": "Bare", "b": [1]}}),
        (torch.Generator(), {"class": "Generator"}),
    ],
)
def test_descriptions_are_plain(value, wanted):
    found = describe(value)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize("make", [looped, lambda: Held(Bare()), lambda: functools.partial(own, 1)])
def test_two_of_a_kind_have_one_description_that_can_be_read_again(make):
    kept = make()
    one, two = describe(kept), describe(make())
    assert one == two
    assert "0x" not in repr(one)
    written = io.BytesIO()
    torch.save(one, written)
    written.seek(0)
    assert torch.load(written, weights_only=True) == one


ARRAYS = [
    torch.arange(6.0).reshape(2, 3),
    torch.arange(6.0).reshape(3, 2),
    torch.arange(6.0, dtype=torch.float64).reshape(2, 3),
    torch.arange(1.0, 7).reshape(2, 3),
    torch.arange(6.0).reshape(3, 2).T,
    torch.zeros(0),
    torch.tensor(0.0),
    torch.tensor(True),
    torch.tensor(1j),
    torch.tensor(0, dtype=torch.bfloat16),
    torch.tensor(1, dtype=torch.bfloat16),
]


def test_arrays_are_told_by_their_numbers():
    assert len({describe(array) for array in ARRAYS}) == len(ARRAYS)
    for array in ARRAYS:
        assert describe(array) == describe(array.clone().requires_grad_(array.is_floating_point()))
    many = [array.numpy() for array in ARRAYS if array.dtype != torch.bfloat16 and array.ndim]
    assert len({describe(array) for array in many}) == len(many)
    assert describe(many[4]) == describe(many[4].copy())


def test_a_model_is_told_by_its_parts():
    torch.manual_seed(0)
    one = describe_model(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LazyLinear(2)))
    two = describe_model(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LazyLinear(2)))
    assert one == two
    assert one["tensors"]["0.weight"] == "(3, 2) torch.float32, trained"
    assert one["tensors"]["1.running_mean"] == "(3,) torch.float32"
    assert one["tensors"]["2.weight"] == "lazy"
    assert one["in evaluation mode"] == []
    assert describe_model(nn.Sequential(nn.Tanh()).eval())["in evaluation mode"] == ["", "0"]


@pytest.mark.parametrize(
    ("wanted", "found", "words"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a 1, got 2"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["a.b[1] 2, got 3"]),
        ({"a": 1}, {}, ["a 1, got 'nothing'"]),
        ({}, {"a": 1}, ["a 'nothing', got 1"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a[1] 'nothing', got 2"]),
        ({"a": [1]}, {"a": {"b": 1}}, ["a [1], got {'b': 1}"]),
        ({"a": 1, "b": 2}, {"b": 3, "a": 4}, ["a 1, got 4", "b 2, got 3"]),
    ],
)
def test_differences_are_named(wanted, found, words):
    assert differences(wanted, found) == words
