"""One table of gate orders, and weights to and from Keras, ONNX, TensorFlow 1 and Flax.

Every framework stacks the four gates of an LSTM in one matrix, each in its own order.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_book.checks import check_number, check_tensor, check_type, check_whole
from lstm_book.layers.lstm import LSTM

GATE_ORDERS: dict[str, str] = {
    "torch": "ifgo",
    "keras": "ifgo",
    "onnx": "iofg",
    "haste": "igfo",
    "tensorflow1": "igfo",
    "flax": "ifgo",
}
"""Which gate stands where in each framework's stacked weights, in the letters of this book.

Keras and ONNX write c for the candidate g, TensorFlow 1 writes j.
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
        TypeError: If `stacked` is no tensor, or an order is no text.
        ValueError: If an order is not known, there is no such dimension, or the gates cannot be
            told apart.

    >>> reorder(torch.tensor([1, 2, 3, 4]), "torch", "onnx")  # i f g o -> i o f g
    tensor([1, 4, 2, 3])
    """
    dims = check_tensor("stacked", stacked).dim()
    orders = []
    for name in (source, target):
        check_type("an order of gates", name, str, "text")
        order = GATE_ORDERS.get(name, name)
        if sorted(order) != sorted("ifgo"):
            raise ValueError(
                f"expected one of {', '.join(GATE_ORDERS)} or an order of i, f, g, o, got {name!r}"
            )
        orders.append(order)
    if not dims:
        raise ValueError("expected stacked gates of at least one dimension, got a single number")
    check_whole("dim", dim, -dims, dims - 1)
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


def from_keras(source: Any, *, bidirectional: bool | None = None, batch_first: bool = True) -> LSTM:
    """Build a layer from a Keras LSTM, a Bidirectional one, or a model that stacks some.

    Dropout is left out. The result puts out every step, as `return_sequences=True` does.

    Args:
        source: The layer or the model; what it computes is read from it and refused if a
            :class:`torch.nn.LSTM` cannot. Or what its `get_weights` returns: for each layer and
            direction a kernel (D, 4H), a recurrent kernel (H, 4H), and perhaps a bias (4H,), or
            (8H,) from a CuDNNLSTM. Arrays do not tell activations: Keras's defaults are assumed.
        bidirectional: For arrays alone, which do not tell it: whether they are of layers in two
            directions. False means that all layers read forwards.
        batch_first: Keras has the batch first, so the layer does unless told otherwise.

    Returns:
        A layer with the same numbers; the whole bias is on b_ih, and b_hh is zero.

    Raises:
        TypeError: If it is neither, or arrays come without `bidirectional`.
        ValueError: If the arrays do not have these shapes; or if a layer has other activations than
            tanh and sigmoid, reads backwards alone, joins its directions other than side by side,
            or stands on one that hands on its last step alone; or if the layers differ in size.
    """
    if hasattr(source, "get_config") and hasattr(source, "get_weights"):
        if bidirectional is not None:
            raise TypeError("expected bidirectional for arrays only; a Keras layer says it itself")
        each = _keras_layers(source)
        both = {type(layer).__name__ == "Bidirectional" for layer in each}
        if len(both) > 1:
            raise ValueError("expected layers in as many directions each; convert them one by one")
        bidirectional = both.pop()
        weights = [array for layer in each for array in layer.get_weights()]
    else:
        weights = list(check_type("source", source, (list, tuple), "a Keras layer or arrays"))
        if not isinstance(bidirectional, bool):
            raise TypeError(
                "expected bidirectional=True or False beside arrays, which do not say in how many "
                f"directions their layers read, got {bidirectional!r}; or give the Keras layer"
            )
    tensors = [_floats("a Keras weight", array) for array in weights]
    per_direction = 3 if len(tensors) > 2 and tensors[2].dim() == 1 else 2
    size = per_direction * (1 + bidirectional)
    groups = [tensors[k : k + per_direction] for k in range(0, len(tensors), per_direction)]
    if not tensors or len(tensors) % size or not all(map(_keras_shaped, groups)):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors) or "none"
        raise ValueError(
            "expected arrays (D, 4H), (H, 4H) and perhaps (4H,) or (8H,) for each layer"
            f"{' and direction' if bidirectional else ''}, got shapes {shapes}"
        )
    parts = [_from_keras_arrays(*group) for group in groups]
    layers = [parts[k : k + 1 + bidirectional] for k in range(0, len(parts), 1 + bidirectional)]
    return _built(layers, batch_first)


def from_tensorflow1(
    kernel: Any, bias: Any, *, forget_bias: float = 1.0, batch_first: bool = False
) -> LSTM:
    """Build a layer from the weights of TensorFlow 1's LSTMCell or BasicLSTMCell.

    It stacks the gates as i, j, f, o, j being the candidate, reads x_t and h_{t-1} side by side,
    and adds `forget_bias` to the forget gate when it runs: the weights do not hold it.

    Args:
        kernel: (D + H, 4H).
        bias: (4H,).
        forget_bias: The argument that the cell was made with; 1 is its default.
        batch_first: The layout of the new layer.

    Returns:
        A layer that computes the same; the whole bias is on b_ih, `forget_bias` included. Peepholes
        and projections are not covered.

    Raises:
        TypeError: If an argument is no array of floating-point numbers, or no number.
        ValueError: If the shapes do not fit together, or `forget_bias` is not finite.
    """
    forget_bias = check_number("forget_bias", forget_bias)
    K, b = _floats("kernel", kernel), _floats("bias", bias)
    if K.dim() != 2 or K.shape[1] % 4 or K.shape[0] <= K.shape[1] // 4 or b.shape != K.shape[1:]:
        raise ValueError(
            f"expected kernel (D + H, 4H) and bias (4H,), got {tuple(K.shape)} and {tuple(b.shape)}"
        )
    H = len(b) // 4
    W, U = (reorder(part.T, "tensorflow1", "torch") for part in (K[:-H], K[-H:]))
    total = reorder(b, "tensorflow1", "torch")
    total[H : 2 * H] += forget_bias
    return _built([[_Recurrence(W, U, (total, torch.zeros_like(total)))]], batch_first)


def from_flax(params: Any, *, batch_first: bool = True) -> LSTM:
    """Build a layer from the parameters of Flax's LSTMCell or OptimizedLSTMCell.

    Args:
        params: For each of i, f, g, o a kernel for the input, ``params["ii"]["kernel"]`` (D, H),
            and kernel and bias for the state, ``params["hi"]["kernel"]`` (H, H) and
            ``params["hi"]["bias"]`` (H,). One level more, as in ``{"params": …}``, is looked into.
        batch_first: The layout of the new layer; Flax's RNN has the batch first.

    Returns:
        A layer with the same numbers; the bias is on b_hh, as Flax has it, and b_ih is zero. Flax's
        default activations are assumed.

    Raises:
        TypeError: If there is no mapping, or a part is no array of floating-point numbers.
        ValueError: If a part is missing, or the shapes do not fit together.
    """
    parts = check_type("params", params, Mapping, "a mapping")
    while len(parts) == 1 and isinstance(inner := next(iter(parts.values())), Mapping):
        parts = inner
    wanted = [source + gate for source in "ih" for gate in "ifgo"]
    if sorted(map(str, parts)) != sorted(wanted):
        raise ValueError(
            f"expected the parameters {', '.join(wanted)} of a Flax LSTM cell, "
            f"got {', '.join(map(str, parts)) or 'none'}"
        )

    def stacked(source: str, kind: str) -> Tensor:
        arrays = []
        for gate in "ifgo":
            name = source + gate
            part = parts[name]
            if not isinstance(part, Mapping) or kind not in part:
                raise ValueError(f"expected a {kind} in params[{name!r}], got {_kind(part)}")
            arrays.append(_floats(f"the {kind} of {name}", part[kind]).movedim(-1, 0))
        if len({tuple(array.shape) for array in arrays}) > 1:
            shapes = ", ".join(str(tuple(array.T.shape)) for array in arrays)
            raise ValueError(f"expected the {kind}s of four gates of one shape, got {shapes}")
        return torch.cat(arrays)

    W, U, b = stacked("i", "kernel"), stacked("h", "kernel"), stacked("h", "bias")
    H = len(b) // 4
    if b.dim() != 1 or W.dim() != 2 or len(W) != 4 * H or tuple(U.shape) != (4 * H, H):
        raise ValueError(
            "expected kernels (D, H) and (H, H) and biases (H,) for each gate, got stacked shapes "
            f"{tuple(W.shape)}, {tuple(U.shape)} and {tuple(b.shape)}"
        )
    return _built([[_Recurrence(W, U, (torch.zeros_like(b), b))]], batch_first)


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


def from_onnx(
    W: Any, R: Any, B: Any = None, *, node: Any = None, batch_first: bool | None = None
) -> LSTM:
    """Build a layer from an ONNX LSTM node and its weights.

    Args:
        W: Input weights, (directions, 4H, D), gates i, o, f, c.
        R: Recurrent weights, (directions, 4H, H).
        B: Both biases, (directions, 8H), or None.
        node: The node, as in ``model.graph.node``. Without it the operator's defaults are assumed:
            one direction reads forwards, gates are sigmoid and the rest tanh, nothing is clipped.
        batch_first: The layout of the new layer; that of the node if missing.

    Returns:
        A layer with the same numbers.

    Raises:
        TypeError: If an array is not of floating-point numbers, or the node is none.
        ValueError: If the shapes do not fit together, or the node does what a
            :class:`torch.nn.LSTM` cannot: read backwards alone, clip, couple its gates, have other
            activations or peepholes.
    """
    W, R = _floats("W", W), _floats("R", R)
    B = None if B is None else _floats("B", B)
    H = R.shape[-1] if R.dim() else 0
    if (
        W.dim() != 3
        or W.shape[0] not in (1, 2)
        or W.shape[1] != 4 * H
        or tuple(R.shape) != (W.shape[0], 4 * H, H)
        or (B is not None and tuple(B.shape) != (W.shape[0], 8 * H))
    ):
        shapes = [None if tensor is None else tuple(tensor.shape) for tensor in (W, R, B)]
        raise ValueError(
            "expected W (directions, 4H, D), R (directions, 4H, H) and B (directions, 8H), "
            f"got {shapes}"
        )
    if node is not None:
        layout = _check_onnx_node(node, directions=len(W), H=H, biases=B is not None)
        batch_first = bool(layout) if batch_first is None else batch_first
    parts = []
    for direction in range(len(W)):
        W_d, U_d = (reorder(stacked[direction], "onnx", "torch") for stacked in (W, R))
        biases = () if B is None else B[direction].chunk(2)
        parts.append(
            _Recurrence(W_d, U_d, tuple(reorder(bias, "onnx", "torch") for bias in biases))
        )
    return _built([parts], bool(batch_first))


class _Recurrence(NamedTuple):
    """One layer and direction as torch has it; biases are b_ih and b_hh, or none."""

    W: Tensor
    U: Tensor
    biases: tuple[Tensor, ...]


@torch.no_grad()
def _built(layers: list[list[_Recurrence]], batch_first: bool) -> LSTM:
    """Return an LSTM with these weights, for each layer those of each direction."""
    first = layers[0][0]
    H = first.U.shape[1]
    sizes = [first.W.shape[1], *[H * len(layers[0])] * (len(layers) - 1)]
    for size, directions in zip(sizes, layers, strict=True):
        for part in directions:
            if (tuple(part.W.shape), tuple(part.U.shape)) != ((4 * H, size), (4 * H, H)):
                raise ValueError(
                    f"expected layers and directions of one size, H={H}, each on the one below, "
                    f"got W {tuple(part.W.shape)} and U {tuple(part.U.shape)}; "
                    "convert them one by one"
                )
            if len(part.biases) != len(first.biases) or part.W.dtype != first.W.dtype:
                raise ValueError("expected all layers with biases or none, and of one dtype")
    lstm = LSTM(
        sizes[0],
        H,
        len(layers),
        bias=bool(first.biases),
        batch_first=check_type("batch_first", batch_first, bool, "True or False"),
        bidirectional=len(layers[0]) == 2,
        dtype=first.W.dtype,
    )
    for number, directions in enumerate(layers):
        for suffix, part in zip(("", "_reverse"), directions, strict=False):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            for name, value in zip(names, (part.W, part.U, *part.biases), strict=False):
                getattr(lstm, f"{name}_l{number}{suffix}").copy_(value)
    return lstm


def _floats(name: str, array: Any) -> Tensor:
    """Return an array of floating-point numbers as a tensor of its own."""
    try:
        tensor = torch.as_tensor(array).detach().clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"expected {name} to be an array, got {_kind(array)}") from error
    if not tensor.is_floating_point():
        raise TypeError(f"expected {name} to hold floating-point numbers, got {tensor.dtype}")
    return tensor


def _kind(value: object) -> str:
    return type(value).__name__


def _keras_layers(source: Any) -> list[Any]:
    """Return the LSTMs of a Keras layer or model, from the input on."""
    if hasattr(source, "layers") and _kind(source) not in ("LSTM", "Bidirectional"):
        layers = [layer for layer in source.layers if _kind(layer) != "InputLayer"]
        if _kind(source) != "Sequential" and not _is_chain(source):
            raise ValueError(
                f"expected a model whose layers stand one on the other, got {source.name}, which "
                "branches or is written by hand; convert its layers one by one"
            )
    else:
        layers = [source]
    for place, layer in enumerate(layers):
        if _kind(layer) == "Bidirectional":
            if layer.merge_mode != "concat":
                raise ValueError(
                    f"expected Bidirectional with merge_mode='concat', got {layer.merge_mode!r}"
                )
            _check_keras(layer.forward_layer, backwards=False)
            _check_keras(layer.backward_layer, backwards=True)
            hands_on = layer.forward_layer
        else:
            _check_keras(layer, backwards=False)
            hands_on = layer
        if place < len(layers) - 1 and not hands_on.return_sequences:
            raise ValueError(
                f"expected {layer.name} with return_sequences=True, as a layer stands on it; "
                "torch's layers hand on every step"
            )
    if not layers:
        raise ValueError("expected a Keras model with LSTM layers, got one without layers")
    return layers


def _is_chain(model: Any) -> bool:
    """Whether a Keras model's layers, in their order, each read what the one before puts out."""
    try:
        pairs = zip(model.layers, model.layers[1:], strict=False)
        linked = all(layer.input is before.output for before, layer in pairs)
        return bool(linked and model.output is model.layers[-1].output)
    except (AttributeError, ValueError, IndexError):  # a layer used twice, or never by symbols
        return False


def _check_keras(layer: Any, backwards: bool) -> None:
    """Refuse a Keras layer that computes something else than a torch LSTM does."""
    if _kind(layer) not in ("LSTM", "CuDNNLSTM"):
        raise TypeError(
            f"expected Keras layers of type LSTM or Bidirectional, got {_kind(layer)}; "
            "give the LSTM layers alone"
        )
    config = layer.get_config()
    if not layer.get_weights():
        raise ValueError(f"expected {layer.name} to be built, it has no weights yet")
    if bool(config.get("go_backwards", False)) != backwards:
        raise ValueError(
            f"expected {layer.name} to read {'backwards' if backwards else 'forwards'}, got "
            f"go_backwards={not backwards}; a torch LSTM has no backward direction alone: convert "
            "its get_weights() and flip the input in time"
        )
    for name, wanted in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        if config.get(name, wanted) != wanted:
            raise ValueError(
                f"expected {layer.name} with {name}={wanted!r}, as a torch LSTM has it, "
                f"got {config[name]!r}"
            )
    if config.get("time_major", False):
        raise ValueError(f"expected {layer.name} with the batch first, got time_major=True")


def _keras_shaped(group: list[Tensor]) -> bool:
    """Whether these are kernel, recurrent kernel and perhaps bias of one Keras LSTM."""
    shapes = [tuple(tensor.shape) for tensor in group]
    if len(group) < 2 or len(shapes[0]) != 2 or len(shapes[1]) != 2:
        return False
    (D, rows), (H, _) = shapes[:2]
    fits = shapes[1] == (H, 4 * H) and rows == 4 * H and D >= 0
    return fits and (len(group) == 2 or shapes[2] in ((4 * H,), (8 * H,)))


def _from_keras_arrays(
    kernel: Tensor, recurrent: Tensor, bias: Tensor | None = None
) -> _Recurrence:
    """Return the weights of one Keras LSTM, or of a CuDNNLSTM, which has two biases."""
    (D, rows), H = kernel.shape, len(recurrent)
    W, U = kernel.T, recurrent.T
    biases: tuple[Tensor, ...] = () if bias is None else (bias, torch.zeros_like(bias))
    if bias is not None and len(bias) == 2 * rows:
        # CuDNNLSTM hands its memory to cuDNN as it lies, and that reads each gate's rows as (H, D).
        W = torch.cat([gate.reshape(H, D) for gate in kernel.chunk(4, dim=1)])
        U = torch.cat(recurrent.chunk(4, dim=1))
        biases = bias.chunk(2)
    parts = [reorder(stacked, "keras", "torch") for stacked in (W, U, *biases)]
    return _Recurrence(parts[0], parts[1], tuple(parts[2:]))


def _check_onnx_node(node: Any, directions: int, H: int, biases: bool) -> int:
    """Refuse an ONNX node that a torch LSTM cannot be; return its layout."""
    if getattr(node, "op_type", None) != "LSTM":
        kind = getattr(node, "op_type", None) or _kind(node)
        raise TypeError(f"expected node to be an ONNX LSTM node, got {kind}")
    attributes: dict[str, Any] = {}
    for attribute in node.attribute:
        given = (attribute.s, list(attribute.strings), attribute.i, attribute.f)
        text = [word.decode() for word in (attribute.s, *attribute.strings) if word]
        kinds = {1: given[3], 2: given[2], 3: text[0] if text else "", 8: text}
        attributes[attribute.name] = kinds.get(attribute.type, list(attribute.floats))
    wanted = "bidirectional" if directions == 2 else "forward"
    tanh = ["sigmoid", "tanh", "tanh"] * directions
    checks: dict[str, tuple[Any, Any]] = {
        "direction": (attributes.get("direction", "forward"), wanted),
        "clip": (attributes.get("clip", "none"), "none"),
        "input_forget": (attributes.get("input_forget", 0), 0),
        "activations": ([a.lower() for a in attributes.get("activations", tanh)], tanh),
        "hidden_size": (attributes.get("hidden_size", H), H),
        "a bias": (len(node.input) > 3 and bool(node.input[3]), biases),
        "peepholes": (len(node.input) > 7 and bool(node.input[7]), False),
    }
    for name, (came, expected) in checks.items():
        if came != expected:
            raise ValueError(f"expected an LSTM node with {name} {expected}, got {came}")
    layout: int = attributes.get("layout", 0)
    return layout


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
