"""Whether a module is what its class says, or something was laid over it."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune, spectral_norm

from lstm_book.cells import GRUCell, JANETCell, LSTMCell, RNNCell
from lstm_book.layers import LSTM, Recurrent
from lstm_book.layers.plain import KNOWN, check_plain

MAKE = {
    LSTM: lambda kind=LSTM: kind(2, 3),
    Recurrent: lambda kind=Recurrent: kind(GRUCell(2, 3)),
    LSTMCell: lambda kind=LSTMCell: kind(2, 3),
    RNNCell: lambda kind=RNNCell: kind(2, 3),
    GRUCell: lambda kind=GRUCell: kind(2, 3),
    nn.GRU: lambda kind=nn.GRU: kind(2, 3),
    nn.LSTM: lambda kind=nn.LSTM: kind(2, 3),
    nn.RNN: lambda kind=nn.RNN: kind(2, 3),
    nn.LSTMCell: lambda kind=nn.LSTMCell: kind(2, 3),
    nn.RNNCell: lambda kind=nn.RNNCell: kind(2, 3),
}
kinds = pytest.mark.parametrize("kind", KNOWN)


def refused(module, word):
    with pytest.raises(TypeError, match=f"expected record of a .*{word}.* would not call"):
        check_plain("record", module)


@kinds
def test_a_module_as_it_is_and_a_subclass_that_only_adds(kind):
    class Named(kind):
        label = "mine"

        def shown(self):
            return self.label

    for module in (MAKE[kind](), MAKE[kind](Named)):
        check_plain("record", module)


@kinds
@pytest.mark.parametrize("name", ["forward", "__call__"])
def test_a_method_written_anew_is_refused(kind, name):
    def anew(self, *args, **kwargs):
        return nn.Module.__call__(self, *args, **kwargs)

    refused(MAKE[kind](type("Mine", (kind,), {name: anew})), f"Mine with another {name}")


@kinds
def test_a_forward_of_the_instance_is_refused(kind):
    module = MAKE[kind]()
    module.forward = module.forward
    refused(module, "another forward")


@pytest.mark.parametrize("kind", [LSTMCell, RNNCell])
def test_another_step_or_other_weights_of_a_cell_are_refused(kind):
    anew = {"step": lambda self, x_t, state: (state, ()), "weights": property(lambda self: None)}
    for name, value in anew.items():
        refused(MAKE[kind](type("Mine", (kind,), {name: value})), f"another {name}")


@kinds
@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_hook_is_refused_and_taken_again_once_it_is_gone(kind, register):
    def doubled(module, *args):
        return None

    module = MAKE[kind]()
    handle = getattr(module, register)(doubled)
    refused(module, "doubled")
    handle.remove()
    check_plain("record", module)


def test_what_only_renews_a_weight_is_no_hook_to_refuse():
    check_plain("record", prune.l1_unstructured(nn.LSTM(2, 3), "weight_hh_l0", 0.5))
    check_plain("record", spectral_norm(nn.LSTM(2, 3), "weight_hh_l0"))
    module = nn.LSTM(2, 3)
    parametrize.register_parametrization(module, "weight_hh_l0", nn.Identity())
    check_plain("record", module)
    with pytest.warns(FutureWarning, match="weight_norm"):
        module = torch.nn.utils.weight_norm(nn.LSTM(2, 3), "weight_hh_l0")
    check_plain("record", module)


@pytest.mark.parametrize("module", [nn.Linear(2, 3), nn.GRUCell(2, 3), JANETCell(2, 3)])
def test_of_other_modules_nothing_is_asked(module):
    module.register_forward_hook(lambda *args: None)
    check_plain("record", module)
