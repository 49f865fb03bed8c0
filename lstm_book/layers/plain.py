"""Whether calling a module does what its class is known for, and nothing else."""

from typing import Any

from torch import nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_book.cells import GRUCell, LSTMCell, RNNCell
from lstm_book.layers.lstm import LSTM
from lstm_book.layers.recurrent import Recurrent

KNOWN: tuple[type[nn.Module], ...] = (
    LSTM,
    Recurrent,
    LSTMCell,
    RNNCell,
    GRUCell,
    nn.LSTM,
    nn.RNN,
    nn.GRU,
    nn.LSTMCell,
    nn.RNNCell,
)
"""Those of which we know what a call computes."""

# torch's own, and they only renew a weight, which we read where they put it
RENEWING: tuple[type[Any], ...] = (BasePruningMethod, SpectralNorm, WeightNorm)


def check_plain(who: str, module: nn.Module) -> None:
    """Refuse a module that does more than its class's equations, where only these are computed.

    A method written anew and a hook may change what comes in or out. Whoever takes the weights and
    computes with these alone would not see it, and give the numbers of another function. Hooks on
    all modules alike (`torch.nn.modules.module.register_module_forward_hook`) are left to the user.

    Args:
        who: The function that would not see it, for the message.
        module: A layer or cell. Of one that is none of `KNOWN` nothing is asked.

    Raises:
        TypeError: If its `forward`, or the like, is not its class's, or a forward hook is on it.
    """
    known = next((kind for kind in type(module).__mro__ if kind in KNOWN), None)
    if known is None:
        return
    for name in ("forward", "__call__", "step", "weights"):
        if name in vars(module) or getattr(type(module), name, None) is not getattr(
            known, name, None
        ):
            raise TypeError(
                f"expected {who} of a {known.__name__} as it is, got {type(module).__name__} with "
                f"another {name}, which {who} would not call"
            )
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    for hook in hooks:
        if not isinstance(hook, RENEWING):
            raise TypeError(
                f"expected {who} of a {known.__name__} without forward hooks, got "
                f"{getattr(hook, '__qualname__', type(hook).__name__)}, which {who} would not call"
            )
