"""A small Transformer that answers once, as a peer of the recurrent models."""

import math

import torch
from torch import Tensor, nn

from lstm_book.checks import check_number, check_shape, check_whole


class TransformerClassifier(nn.Module):
    """Read a sequence with attention and answer from the last step; torch's own layers.

    Each step sees itself and what came before, so that sequences can be read as they arrive. The
    places are told by sines and cosines :cite:p:`vaswani2017`, so any length can be read.

    Args:
        input_size: Features D of the input.
        width: Features of every layer, even, a multiple of `heads`.
        heads: Attention heads of every layer.
        num_layers: Layers, each four times as wide inside.
        dropout: Probability of zeroing, as in :class:`torch.nn.TransformerEncoderLayer`.

    Raises:
        TypeError: If a size is no whole number, or dropout no number.
        ValueError: If a size is too small, the width is odd or no multiple of the heads, or dropout
            is no probability.

    >>> model = TransformerClassifier(input_size=3, width=8, heads=2)
    >>> model(torch.zeros(5, 4, 3)).shape
    torch.Size([4])
    """

    def __init__(
        self,
        input_size: int,
        width: int = 96,
        heads: int = 4,
        num_layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("num_layers", num_layers)):
            check_whole(name, size, 1)
        check_whole("width", width, 2)
        check_whole("heads", heads, 1)
        dropout = check_number("dropout", dropout, 0, 1)
        if width % 2 or width % heads:
            raise ValueError(f"expected an even width, a multiple of {heads} heads, got {width}")
        self.input_size, self.width = input_size, width
        self.embed = nn.Linear(input_size, width)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, norm_first=True)
        self.encoder = nn.TransformerEncoder(
            layer, num_layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.readout = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit per sequence.

        Args:
            x: Inputs, (T, B, D).

        Returns:
            The logits, (B,).

        Raises:
            ValueError: If x has not three dimensions.
            RuntimeError: If x has not D features, or T = 0.
        """
        T = len(check_shape("x", x, "T B D", (None, None, self.input_size)))
        if T == 0:
            raise RuntimeError(f"expected at least one time step, got x of shape {tuple(x.shape)}")
        later = nn.Transformer.generate_square_subsequent_mask(T, device=x.device, dtype=x.dtype)
        embedded = self.embed(x) + places(T, self.width).to(x)[:, None]
        logit: Tensor = self.readout(self.encoder(embedded, mask=later, is_causal=True)[-1])
        return logit.squeeze(-1)


def places(T: int, width: int) -> Tensor:
    """Return sines and cosines that tell T places apart, (T, width)."""
    frequencies = torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
    angles = torch.arange(T)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
