"""One table of gate orders, and weights to and from Keras and ONNX.

Every framework stacks the four gates of an LSTM in one matrix, each in its own order.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.layers.lstm import LSTM

GATE_ORDERS: dict[str, str] = {
    "torch": "ifgo",
    "keras": "ifgo",
    "onnx": "iofg",
    "haste": "igfo",
}
"""Which gate stands where in each framework's stacked weights, in the letters of this book.

Keras and ONNX write c for the candidate g.
"""


class ONNXWeights(NamedTuple):
    """The weights of one layer as the inputs of an ONNX LSTM node take them; gates i, o, f, c.

    Attributes:
        W: Input weights, (directions, 4H, D).
        R: Recurrent weights, (directions, 4H, H).
        B: Both biases one behind the other, (directions, 8H).
    """

    W: Tensor
    R: Tensor
    B: Tensor


def reorder(stacked: Tensor, source: str, target: str, dim: int = 0) -> Tensor:
    """Bring stacked gates from one framework's order into another's.

    Args:
        stacked: Weights or biases with 4H entries along `dim`.
        source: Whose order they are in: a name in `GATE_ORDERS`, or four letters such as "ifgo".
        target: Whose order is wanted.
        dim: The dimension along which the gates are stacked.

    Returns:
        A new tensor with the same gates in the other order.

    Raises:
        ValueError: If an order is not known, or the gates cannot be told apart.

    >>> reorder(torch.tensor([1, 2, 3, 4]), "torch", "onnx")  # i f g o -> i o f g
    tensor([1, 4, 2, 3])
    """
    orders = []
    for name in (source, target):
        order = GATE_ORDERS.get(name, name)
        if sorted(order) != sorted("ifgo"):
            raise ValueError(
                f"expected one of {', '.join(GATE_ORDERS)} or an order of i, f, g, o, got {name!r}"
            )
        orders.append(order)
    if stacked.shape[dim] % 4:
        raise ValueError(
            f"expected 4H entries along dimension {dim}, got shape {tuple(stacked.shape)}"
        )
    gates = dict(zip(orders[0], stacked.chunk(4, dim), strict=True))
    return torch.cat([gates[gate] for gate in orders[1]], dim)


def to_keras(lstm: nn.LSTM) -> list[Any]:
    """Return the weights of a layer as `keras.layers.LSTM.set_weights` takes them.

    A bidirectional layer gives what `keras.layers.Bidirectional` takes: forward, then backward.

    Args:
        lstm: A torch LSTM or ours, with one layer and without projection.

    Returns:
        For each direction the kernel (D, 4H), the recurrent kernel (H, 4H) and, with biases, their
        sum (4H,), as NumPy arrays in the dtype of the layer.

    Raises:
        TypeError: If it is no LSTM.
        ValueError: If it has several layers or a projection.
    """
    arrays = []
    for W, U, biases in _directions(lstm):
        total = [biases[0] + biases[1]] if biases else []
        for stacked in (W, U, *total):
            rows_last = reorder(stacked, "torch", "keras").movedim(0, -1)
            arrays.append(rows_last.contiguous().cpu().numpy())
    return arrays


def from_keras(weights: Sequence[Any], *, batch_first: bool = True) -> LSTM:
    """Build a layer from what `get_weights` of a Keras LSTM returns, or of a Bidirectional one.

    Args:
        weights: Two or three arrays for each direction: kernel (D, 4H), recurrent kernel (H, 4H),
            and perhaps a bias (4H,).
        batch_first: Keras has the batch first, so the layer does unless told otherwise.

    Returns:
        A layer with the same numbers; the whole bias is on b_ih, and b_hh is zero. Keras's default
        activations are assumed: sigmoid for the gates and tanh for the rest.

    Raises:
        ValueError: If the arrays do not have these shapes.
    """
    tensors = [torch.as_tensor(array) for array in weights]
    per_direction = next((n for n in (3, 2) if _keras_shaped(tensors, n)), None)
    if per_direction is None:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors) or "none"
        raise ValueError(
            "expected arrays (D, 4H), (H, 4H) and perhaps (4H,), once or twice, "
            f"got shapes {shapes}"
        )
    kernel, recurrent = tensors[:2]
    lstm = LSTM(
        kernel.shape[0],
        recurrent.shape[0],
        bias=per_direction == 3,
        batch_first=batch_first,
        bidirectional=len(tensors) > per_direction,
        dtype=kernel.dtype,
    )
    for direction, (W, U, biases) in enumerate(_directions(lstm)):
        given = tensors[direction * per_direction : (direction + 1) * per_direction]
        for parameter, tensor in zip((W, U, *biases[:1]), given, strict=True):
            parameter.copy_(reorder(tensor.movedim(-1, 0), "keras", "torch"))
        for rest in biases[1:]:
            rest.zero_()
    return lstm


def to_onnx(lstm: nn.LSTM) -> ONNXWeights:
    """Return the weights of a layer as an ONNX LSTM node takes them.

    Args:
        lstm: A torch LSTM or ours, with one layer and without projection.

    Returns:
        W, R and B; B is zero for a layer without biases.

    Raises:
        TypeError: If it is no LSTM.
        ValueError: If it has several layers or a projection.
    """
    W, R, B = [], [], []
    for W_d, U_d, biases in _directions(lstm):
        W.append(reorder(W_d, "torch", "onnx"))
        R.append(reorder(U_d, "torch", "onnx"))
        both = biases or [W_d.new_zeros(len(W_d))] * 2
        B.append(torch.cat([reorder(bias, "torch", "onnx") for bias in both]))
    return ONNXWeights(torch.stack(W), torch.stack(R), torch.stack(B))


def from_onnx(W: Any, R: Any, B: Any = None, *, batch_first: bool = False) -> LSTM:
    """Build a layer from the weights of an ONNX LSTM node.

    Args:
        W: Input weights, (directions, 4H, D), gates i, o, f, c.
        R: Recurrent weights, (directions, 4H, H).
        B: Both biases, (directions, 8H), or None.
        batch_first: The layout of the new layer.

    Returns:
        A layer with the same numbers.

    Raises:
        ValueError: If the shapes do not fit together.
    """
    W, R = torch.as_tensor(W), torch.as_tensor(R)
    B = None if B is None else torch.as_tensor(B)
    H = R.shape[-1]
    if (
        W.dim() != 3
        or W.shape[0] not in (1, 2)
        or tuple(W.shape[:2]) != (W.shape[0], 4 * H)
        or tuple(R.shape) != (W.shape[0], 4 * H, H)
        or (B is not None and tuple(B.shape) != (W.shape[0], 8 * H))
    ):
        shapes = [None if tensor is None else tuple(tensor.shape) for tensor in (W, R, B)]
        raise ValueError(
            "expected W (directions, 4H, D), R (directions, 4H, H) and B (directions, 8H), "
            f"got {shapes}"
        )
    lstm = LSTM(
        W.shape[-1],
        H,
        bias=B is not None,
        batch_first=batch_first,
        bidirectional=len(W) == 2,
        dtype=W.dtype,
    )
    for direction, (W_d, U_d, biases) in enumerate(_directions(lstm)):
        W_d.copy_(reorder(W[direction], "onnx", "torch"))
        U_d.copy_(reorder(R[direction], "onnx", "torch"))
        for bias, given in zip(biases, () if B is None else B[direction].chunk(2), strict=True):
            bias.copy_(reorder(given, "onnx", "torch"))
    return lstm


def _directions(lstm: nn.LSTM) -> list[tuple[Tensor, Tensor, list[Tensor]]]:
    """Return W, U and the biases of each direction, detached but shared."""
    if not isinstance(lstm, nn.LSTM):
        raise TypeError(f"expected an LSTM layer, got {type(lstm).__name__}")
    if lstm.num_layers != 1 or lstm.proj_size:
        raise ValueError(f"expected one layer without projection, got {lstm}")
    found = []
    for suffix in ("_l0", "_l0_reverse")[: 1 + lstm.bidirectional]:
        names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if lstm.bias else [])]
        W, U, *biases = (getattr(lstm, name + suffix).detach() for name in names)
        found.append((W, U, biases))
    return found


def _keras_shaped(tensors: list[Tensor], per_direction: int) -> bool:
    """Whether the tensors are those of one or two Keras LSTMs with so many arrays each."""
    if len(tensors) not in (per_direction, 2 * per_direction):
        return False
    if any(tensor.dim() != 2 for tensor in tensors[:2]):
        return False
    D, H = tensors[0].shape[0], tensors[1].shape[0]
    one = [(D, 4 * H), (H, 4 * H), (4 * H,)][:per_direction]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    return shapes == one * (len(tensors) // per_direction)
