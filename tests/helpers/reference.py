"""An oracle that shares nothing with the package: loops over units on Python numbers.

The forward passes are written from the papers, one sum at a time, without torch. Fed with `Scalar`
instead of float they build a graph, and `gradients` walks it back: a second, independent backward
pass, exact up to rounding.
"""

import math


class Scalar:
    """A number that remembers how it was made."""

    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = value, parents, 0.0

    def __add__(self, other):
        other = _scalar(other)
        return Scalar(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = _scalar(other)
        return Scalar(self.value * other.value, [(self, other.value), (other, self.value)])

    __radd__, __rmul__ = __add__, __mul__


def tanh(a):
    if isinstance(a, Scalar):
        value = math.tanh(a.value)
        return Scalar(value, [(a, 1 - value * value)])
    return math.tanh(a)


def sigmoid(a):
    if isinstance(a, Scalar):
        value = 1 / (1 + math.exp(-a.value))
        return Scalar(value, [(a, value * (1 - value))])
    return 1 / (1 + math.exp(-a))


def gradients(loss, leaves):
    """Return d loss / d leaf for a nested list of leaves."""
    order, seen, stack = [], set(), [(loss, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    for node in order:
        node.grad = 0.0
    loss.grad = 1.0
    for node in reversed(order):
        for parent, slope in node.parents:
            parent.grad += slope * node.grad
    return nested(lambda leaf: leaf.grad, leaves)


def nested(function, values):
    """Apply a function to every number of nested lists."""
    if isinstance(values, list | tuple):
        return [nested(function, value) for value in values]
    return function(values)


def pre_activation(x, h, W, U, b, row):
    total = b[row]
    for j in range(len(x)):
        total = total + W[row][j] * x[j]
    for k in range(len(h)):
        total = total + U[row][k] * h[k]
    return total


def rnn_step(x, h, W, U, b):
    return [tanh(pre_activation(x, h, W, U, b, unit)) for unit in range(len(h))]


def lstm_step(x, h, c, W, U, b):
    """Gers et al. (2000), rows in the order i, f, g, o. Returns h, c and the gates of each unit."""
    H = len(h)
    h_new, c_new, gates = [], [], []
    for unit in range(H):
        i = sigmoid(pre_activation(x, h, W, U, b, unit))
        f = sigmoid(pre_activation(x, h, W, U, b, H + unit))
        g = tanh(pre_activation(x, h, W, U, b, 2 * H + unit))
        o = sigmoid(pre_activation(x, h, W, U, b, 3 * H + unit))
        memory = f * c[unit] + i * g
        c_new.append(memory)
        h_new.append(o * tanh(memory))
        gates.append((i, f, g, o))
    return h_new, c_new, gates


def lstm_1997_step(x, h, c, W, U, b):
    """Hochreiter & Schmidhuber (1997), rows in the order i, g, o; g and h squash as there:

    g(a) = 4 / (1 + e^-a) - 2 and h(c) = 2 / (1 + e^-c) - 1.
    """
    H = len(h)
    h_new, c_new, gates = [], [], []
    for unit in range(H):
        i = sigmoid(pre_activation(x, h, W, U, b, unit))
        g = 4 * sigmoid(pre_activation(x, h, W, U, b, H + unit)) + -2
        o = sigmoid(pre_activation(x, h, W, U, b, 2 * H + unit))
        memory = c[unit] + i * g
        c_new.append(memory)
        h_new.append(o * (2 * sigmoid(memory) + -1))
        gates.append((i, g, o))
    return h_new, c_new, gates


def lstm_run(xs, h, c, W, U, b, step=lstm_step):
    """Run one sequence; return all h_t and all c_t."""
    hs, cs = [], []
    for x in xs:
        h, c, _ = step(x, h, c, W, U, b)
        hs.append(h)
        cs.append(c)
    return hs, cs


def rnn_run(xs, h, W, U, b):
    """Run one sequence; return all h_t."""
    hs = []
    for x in xs:
        h = rnn_step(x, h, W, U, b)
        hs.append(h)
    return hs


def dot(left, right):
    """Sum the products of two nested lists of numbers of one shape."""
    if isinstance(left, list):
        total = 0.0
        for a, b in zip(left, right, strict=True):
            total = dot(a, b) + total
        return total
    return left * right


def _scalar(value):
    return value if isinstance(value, Scalar) else Scalar(float(value))
