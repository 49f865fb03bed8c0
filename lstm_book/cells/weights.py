"""The parameters of one recurrence, wherever a module keeps them."""

from typing import Any, Literal, NamedTuple, get_args

from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_book.checks import check_choice, check_type, check_whole

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
        The weights as the module uses them: reparametrised, normed and pruned ones as they come
        out. W and U are the module's own tensors (not copies); b is a new one that autograd follows
        back to both biases.

    Raises:
        TypeError: If the module holds no recurrent weights, or the layer is no whole number.
        ValueError: If it has no such layer or direction.

    >>> W, U, b = weights_of(nn.LSTM(input_size=2, hidden_size=3))
    >>> W.shape, U.shape, b.shape
    (torch.Size([12, 2]), torch.Size([12, 3]), torch.Size([12]))
    """
    check_type("module", module, nn.Module, "a recurrent torch.nn.Module")
    layer = check_whole("layer", layer, 0)
    check_choice("direction", direction, get_args(Direction))
    kind = type(module).__name__
    is_cell = getattr(module, "weight_hh", None) is not None
    if not is_cell and not hasattr(module, "weight_hh_l0"):
        raise TypeError(
            "expected a recurrent module with weights weight_ih and weight_hh, or …_l0 "
            f"(torch.nn.LSTM, LSTMCell, RNN, RNNCell or ours), got {kind}"
        )
    stem = f"_l{layer}{'_reverse' if direction == 'backward' else ''}"
    if stem == "_l0" and is_cell:
        stem = ""
    if not hasattr(module, f"weight_hh{stem}"):
        raise ValueError(
            f"{kind} has no layer {layer} with direction {direction!r}: it keeps no weight_hh{stem}"
        )
    return read_weights(module, stem)


def read_weights(module: nn.Module, stem: str = "") -> Weights:
    """Read the weights whose names end in `stem`, without a check of the names."""
    W, U = read_tensor(module, f"weight_ih{stem}"), read_tensor(module, f"weight_hh{stem}")
    if W is None or U is None:
        raise TypeError(
            f"expected weight_ih{stem} and weight_hh{stem} to be tensors, got "
            f"{type(module).__name__}, where they are not"
        )
    b_ih, b_hh = read_tensor(module, f"bias_ih{stem}"), read_tensor(module, f"bias_hh{stem}")
    if b_ih is None or b_hh is None:
        return Weights(W, U, b_hh if b_ih is None else b_ih)
    return Weights(W, U, b_ih + b_hh)


def read_tensor(module: nn.Module, name: str) -> Tensor | None:
    """Return a weight as the module's next forward pass uses it, or None if there is none.

    Attributes and not parameters are read: under a parametrisation, and in a replica on another
    device, the weight is no parameter. Pruning and the two older norms refresh the attribute before
    a forward pass only, so that after an optimiser's step it is out of date.
    """
    tensor: Any = getattr(module, name, None)
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            tensor = hook.apply_mask(module)  # type: ignore[no-untyped-call]
        elif isinstance(hook, WeightNorm) and hook.name == name:
            tensor = hook.compute_weight(module)
        elif isinstance(hook, SpectralNorm) and hook.name == name:
            tensor = hook.compute_weight(module, do_power_iteration=False)
    return tensor if isinstance(tensor, Tensor) else None
