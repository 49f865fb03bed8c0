"""The ground floor of argument checks: each mistake has its class, each message what came."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from lstm_book.checks import (
    cast_dtype,
    check_choice,
    check_like,
    check_number,
    check_path,
    check_shape,
    check_tensor,
    check_type,
    check_whole,
)

z = torch.zeros


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_is_returned_as_an_int(value):
    assert check_whole("n", value, 3, 3) == 3
    assert type(check_whole("n", value)) is int


@pytest.mark.parametrize("value", [True, 3.0, "3", None, z(()), np.float64(3), [3], np.bool_(True)])
def test_what_is_no_whole_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="expected n to be a whole number, got "):
        check_whole("n", value, 0)


@pytest.mark.parametrize(
    ("bounds", "value", "words"),
    [
        ((1,), 0, "from 1 on, got 0"),
        ((1, 4), 5, "from 1 to 4, got 5"),
        ((1, 4), -5, "from 1 to 4, got -5"),
        ((None, 4), 5, "number to 4, got 5"),
    ],
)
def test_a_whole_number_outside_its_bounds(bounds, value, words):
    with pytest.raises(ValueError, match=words):
        check_whole("n", value, *bounds)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(2)])
def test_a_number_is_returned_as_a_float(value):
    number = check_number("x", value, 2, 2)
    assert type(number) is float
    assert number == 2.0


@pytest.mark.parametrize("value", [True, "2", None, z(()), 1j, [2.0]])
def test_what_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="expected x to be a number, got "):
        check_number("x", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_number_is_finite(value):
    with pytest.raises(ValueError, match=r"finite number, got .*(nan|inf)"):
        check_number("x", value)


@pytest.mark.parametrize(
    ("bounds", "value", "words"),
    [
        ({"least": 0}, -0.5, "at least 0, got -0.5"),
        ({"most": 1}, 1.5, "at most 1, got 1.5"),
        ({"above": 0}, 0, "above 0, got 0.0"),
        ({"least": 0, "below": 1}, 1, "at least 0 and below 1, got 1.0"),
    ],
)
def test_a_number_outside_its_bounds(bounds, value, words):
    with pytest.raises(ValueError, match=words):
        check_number("x", value, **bounds)


def test_a_choice_is_one_of_the_choices():
    assert check_choice("on", "a", ("a", "b")) == "a"
    for value in ("c", None, 0, ["a"], z(2), np.array(["a", "b"])):
        with pytest.raises(ValueError, match="expected on to be one of 'a', 'b', got "):
            check_choice("on", value, ("a", "b"))
    with pytest.raises(ValueError, match="got True"):
        check_choice("n", True, (1, 2))  # though True == 1


def test_a_path_is_one_or_text():
    assert check_path("file", "a/b") == check_path("file", Path("a/b")) == Path("a/b")
    for value in (None, 3, b"a"):
        with pytest.raises(TypeError, match="expected file to be a path or text, got "):
            check_path("file", value)


def test_a_type():
    assert check_type("x", 3, int, "an int") == 3
    with pytest.raises(TypeError, match="expected x to be an int, got str"):
        check_type("x", "a", int, "an int")


def test_a_tensor():
    x = z(2)
    assert check_tensor("x", x) is x
    for value in (None, [1.0], np.zeros(2)):
        with pytest.raises(TypeError, match=r"expected x to be a torch\.Tensor, got "):
            check_tensor("x", value)


def test_a_shape():
    x = z(2, 3)
    assert check_shape("x", x, "B D", (None, 3)) is x
    assert check_shape("x", z(0, 3), "B D", (0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match=r"x of shape \(B, D=3\), 2-D, got 1-D of shape \(3,\)"):
        check_shape("x", z(3), "B D", (None, 3))
    with pytest.raises(RuntimeError, match=r"x of shape \(B, D=3\), got \(2, 1\)"):
        check_shape("x", z(2, 1), "B D", (None, 3))
    with pytest.raises(TypeError, match="got list"):
        check_shape("x", [0.0], "B", (1,))


def test_a_dtype_and_a_device():
    check_like("x", z(2), "h", z(3))
    with pytest.raises(RuntimeError, match=r"x of dtype torch.float32, as h, got torch.float64"):
        check_like("x", z(2).double(), "h", z(2))
    with pytest.raises(RuntimeError, match="x on device cpu, as h, got meta"):
        check_like("x", z(2, device="meta"), "h", z(2))


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_under_autocast_dtypes_fit_that_a_matrix_product_takes_together(half):
    kinds = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64]
    for a in kinds:
        for b in kinds:
            x, y = z(1, 1, dtype=a), z(1, 1, dtype=b)
            with torch.autocast("cpu", dtype=half):
                assert cast_dtype(x) == (half if a not in kinds[3:] else a)
                try:
                    x @ y
                except RuntimeError:
                    with pytest.raises(RuntimeError, match="expected x of dtype"):
                        check_like("x", x, "y", y)
                else:
                    check_like("x", x, "y", y)
    assert cast_dtype(z(1)) == torch.float32
