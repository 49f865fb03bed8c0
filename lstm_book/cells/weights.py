"""The parameters of one recurrence, wherever a module keeps them."""

from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_book.cells.state import register_records
from lstm_book.checks import check_choice, check_type, check_whole

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


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


register_records(Weights)


def weights_of(module: nn.Module, layer: int = 0, direction: Direction = "forward") -> Weights:
    """Read W, U and b of one layer and direction out of a recurrent module.

    Args:
        module: A ``torch.nn`` LSTM, GRU or RNN, one of its cells, or one of our cells.
        layer: Which layer, from 0. Cells have one.
        direction: "forward" or "backward".

    Returns:
        The weights as the module uses them; reparametrised, normed and pruned ones as they come
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
    check_choice("direction", direction, DIRECTIONS)
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
    parameter = module._parameters.get(name)
    if parameter is not None:
        return parameter
    tensor: Any = getattr(module, name, None)
    hook = _hooks(module).get(name)
    if isinstance(hook, BasePruningMethod):
        tensor = hook.apply_mask(module)  # type: ignore[no-untyped-call]
    elif isinstance(hook, WeightNorm):
        tensor = hook.compute_weight(module)
    elif isinstance(hook, SpectralNorm):
        tensor = hook.compute_weight(module, do_power_iteration=False)
    return tensor if isinstance(tensor, Tensor) else None


@torch.no_grad()
def write_tensor(module: nn.Module, name: str, value: Tensor) -> None:
    """Write a weight so that it takes effect as far as its reparametrisation lets it.

    Raises:
        RuntimeError: If the weight is no parameter, nor made from one in a way that is known here.
    """
    hook = _hooks(module).get(name)
    parameter = module._parameters.get(name)
    if parameter is not None:
        parameter.copy_(value)
    elif parametrize.is_parametrized(module, name):
        _write_parametrised(module, name, value)
    elif isinstance(hook, BasePruningMethod):
        mask = getattr(module, f"{name}_mask")
        original = getattr(module, f"{name}_orig")
        original.copy_(torch.where(mask == 0, original, value))
    elif isinstance(hook, WeightNorm):
        getattr(module, f"{name}_g").copy_(torch.norm_except_dim(value, 2, hook.dim))
        getattr(module, f"{name}_v").copy_(value)
    elif isinstance(hook, SpectralNorm):
        getattr(module, f"{name}_orig").copy_(value)
    else:
        raise RuntimeError(
            f"cannot write {name} of {type(module).__name__}: expected a parameter, a parametrised "
            "or a pruned one, got a tensor that something else computes"
        )
    refresh(module)


def _write_parametrised(module: nn.Module, name: str, value: Tensor) -> None:
    """Write through the right inverse, or as the original where there is none."""
    parametrisation: Any = getattr(module.parametrizations, name)
    try:
        setattr(module, name, value.clone())  # its memory becomes the original's
    except (NotImplementedError, RuntimeError, ValueError, TypeError):
        original = getattr(parametrisation, "original", None)
        if original is None or original.shape != value.shape:
            return  # whoever wrote sees that it has no effect
        original.copy_(value)


def refresh(module: nn.Module) -> None:
    """Bring the attributes up to date that are otherwise made anew before each forward pass."""
    for name in _hooks(module):
        setattr(module, name, read_tensor(module, name))


def reparametrisation_of(module: nn.Module, name: str) -> str:
    """Say what a weight is made by."""
    if parametrize.is_parametrized(module, name):
        return ", ".join(type(p).__name__ for p in getattr(module.parametrizations, name))
    return type(_hooks(module).get(name, module)).__name__


def _hooks(module: nn.Module) -> dict[str, Any]:
    """Return what makes weights anew before each forward pass, by the weights' names."""
    hooks: dict[str, Any] = {}
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod):
            hooks[hook._tensor_name] = hook
        elif isinstance(hook, WeightNorm | SpectralNorm):
            hooks[hook.name] = hook
    return hooks
