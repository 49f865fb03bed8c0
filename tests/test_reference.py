"""The oracle itself, against central differences and against numbers worked by hand."""

import math

import pytest
import reference


def test_lstm_step_against_a_hand_worked_unit():
    # One unit, x = 1, h = 0.5, c = 2; the pre-activations are 0, ln 3, 0.5 and -ln 3.
    W, U, b = [[0.0], [math.log(3)], [0.0], [0.0]], [[0.0], [0.0], [1.0], [0.0]], [0.0] * 4
    b[3] = -math.log(3)
    (h,), (c,), [(i, f, g, o)] = reference.lstm_step([1.0], [0.5], [2.0], W, U, b)
    assert (i, f, o) == pytest.approx((1 / 2, 3 / 4, 1 / 4), abs=1e-15)
    assert g == math.tanh(0.5)
    assert c == pytest.approx(1.5 + math.tanh(0.5) / 2, abs=1e-15)
    assert h == pytest.approx(math.tanh(1.5 + math.tanh(0.5) / 2) / 4, abs=1e-15)


def test_squashing_of_1997_has_the_ranges_of_the_paper():
    W, U = [[0.0], [1.0], [0.0]], [[0.0]] * 3
    for x in (-50.0, 50.0):
        step = reference.lstm_1997_step([x], [0.0], [0.0], W, U, [50.0, 0.0, 50.0])
        (h,), (c,), [(_, g, _)] = step
        assert g == pytest.approx(math.copysign(2, x))
        assert c == pytest.approx(math.copysign(2, x))
        assert h == pytest.approx(math.tanh(c / 2))


@pytest.mark.parametrize("step", [reference.lstm_step, reference.lstm_1997_step])
def test_scalar_gradients_against_central_differences(step):
    rows = 8 if step is reference.lstm_step else 6
    values = [
        [[0.3, -0.7], [1.1, 0.2], [-0.4, 0.9]],  # three inputs of two features
        [[math.sin(7 * r + k) for k in range(2)] for r in range(rows)],
        [[math.cos(5 * r + k) for k in range(2)] for r in range(rows)],
        [math.sin(r) for r in range(rows)],
    ]
    h_0, c_0, weigh = [0.2, -0.1], [0.5, -0.3], [[1.0, -2.0], [0.5, 0.3], [-1.5, 0.7]]

    def loss(x, W, U, b):
        hs, cs = reference.lstm_run(x, h_0, c_0, W, U, b, step)
        return reference.dot(hs, weigh) + 0.5 * reference.dot(cs, weigh)

    leaves = reference.nested(reference.Scalar, values)
    exact = reference.gradients(loss(*leaves), leaves)

    def slope(path, eps=1e-5):
        def shifted(by):
            copy = reference.nested(float, values)
            inner = copy
            for index in path[:-1]:
                inner = inner[index]
            inner[path[-1]] += by
            return loss(*copy)

        return (shifted(eps) - shifted(-eps)) / (2 * eps)

    for path in ((0, 0, 1), (0, 2, 0), (1, 0, 0), (1, rows - 1, 1), (2, 3, 1), (2, 5, 0), (3, 4)):
        value = exact
        for index in path:
            value = value[index]
        assert value == pytest.approx(slope(path), rel=1e-7, abs=1e-9)
        assert value != 0
