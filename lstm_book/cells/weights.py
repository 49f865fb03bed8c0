"""The parameters of one recurrence, wherever a module keeps them."""

from typing import Literal, NamedTuple

from torch import Tensor, nn

Direction = Literal["forward", "backward"]


class Weights(NamedTuple):
    """The parameters of one recurrence, in the text's letters; G gates of H units.

    Attributes:
        W: Input weights, (G·H, D); PyTorch's ``weight_ih``.
        U: Recurrent weights, (G·H, H); PyTorch's ``weight_hh``.
        b: Bias, (G·H,), the sum of PyTorch's ``bias_ih`` and ``bias_hh``; None without biases.
    """

    W: Tensor
    U: Tensor
    b: Tensor | None


def weights_of(module: nn.Module, layer: int = 0, direction: Direction = "forward") -> Weights:
    """Read W, U and b of one layer and direction out of a recurrent module.

    Args:
        module: A ``torch.nn`` LSTM, GRU or RNN, one of its cells, or one of our cells.
        layer: Which layer, from 0. Cells have one.
        direction: "forward" or "backward".

    Returns:
        The weights. W and U are the module's own parameters (not copies); b is a new tensor that
        autograd follows back to both biases.

    Raises:
        TypeError: If the module holds no recurrent weights.
        ValueError: If it has no such layer or direction.

    >>> W, U, b = weights_of(nn.LSTM(input_size=2, hidden_size=3))
    >>> W.shape, U.shape, b.shape
    (torch.Size([12, 2]), torch.Size([12, 3]), torch.Size([12]))
    """
    if direction not in ("forward", "backward"):
        raise ValueError(f"direction must be 'forward' or 'backward', got {direction!r}")
    parameters = dict(module.named_parameters(recurse=False))
    stems = [name.removeprefix("weight_hh") for name in parameters if name.startswith("weight_hh")]
    if not stems:
        raise TypeError(
            "expected a recurrent module with parameters weight_ih and weight_hh, or …_l0 "
            f"(torch.nn.LSTM, LSTMCell, RNN, RNNCell or ours), got {type(module).__name__}"
        )
    reverse = "_reverse" if direction == "backward" else ""
    stem = "" if stems == [""] and (layer, reverse) == (0, "") else f"_l{layer}{reverse}"
    if stem not in stems:
        raise ValueError(
            f"{type(module).__name__} has no layer {layer} with direction {direction!r}; "
            f"its parameters are {', '.join(parameters)}"
        )
    b_ih, b_hh = parameters.get(f"bias_ih{stem}"), parameters.get(f"bias_hh{stem}")
    b = None if b_ih is None or b_hh is None else b_ih + b_hh
    return Weights(parameters[f"weight_ih{stem}"], parameters[f"weight_hh{stem}"], b)
