"""The series' initialisation in one call."""

import torch
from torch import nn

from lstm_book.cells import init_forget_bias_, init_xavier_
from lstm_book.checks import check_type


def series_init_(model: nn.Module, *, generator: torch.Generator | None = None) -> None:
    """Give a model the series' first weights; in place.

    Every gate's matrices and every linear layer are drawn as `init_xavier_` does
    :cite:p:`glorot2010`. Biases are zero, but the total forget bias of every LSTM is 1. Embeddings
    and projections stay.

    Args:
        model: Any module that contains an LSTM.
        generator: Source of the draws.

    Raises:
        TypeError: If the module contains no LSTM.
        ValueError: If an LSTM has no biases.

    >>> lstm = nn.LSTM(2, 3)
    >>> series_init_(lstm)
    >>> (lstm.bias_ih_l0 + lstm.bias_hh_l0).tolist()  # gates i, f, g, o
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    check_type("model", model, nn.Module, "a module")
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight, generator=generator)
                if part.bias is not None:
                    part.bias.zero_()
            for name, parameter in part.named_parameters(recurse=False):
                if name.startswith(("bias_ih", "bias_hh")):
                    parameter.zero_()
    init_xavier_(model, generator=generator)
    init_forget_bias_(model, 1.0)
