"""One answer for a whole sequence, whatever its length."""

from typing import Literal

import torch
from torch import Tensor, nn

from lstm_book.layers.lstm import LSTM
from lstm_book.models._tokens import Lengths

Readout = Literal["last", "mean"]


class SequenceClassifier(nn.Module):
    """Many-to-one: read a sequence, then name its class.

    The read-out sees either the state after each direction's last own step (forwards that is step
    T_n of a sequence of length T_n, backwards its step 1), or the mean of the outputs over its own
    steps. Padding is never seen.

    Args:
        layer: The LSTM that reads, of any depth and direction.
        classes: How many classes C to tell apart.
        readout: "last" or "mean".
        dropout: Probability of zeroing a feature before the read-out, while training.

    Raises:
        TypeError: If the layer is no `lstm_book.layers.LSTM`.
        ValueError: If there is no class, or the read-out is none of the two.

    >>> model = SequenceClassifier(LSTM(12, 16, bidirectional=True), classes=9)
    >>> model(torch.zeros(29, 4, 12), lengths=[7, 29, 12, 20]).shape
    torch.Size([4, 9])
    """

    def __init__(
        self, layer: LSTM, classes: int, *, readout: Readout = "last", dropout: float = 0.0
    ) -> None:
        super().__init__()
        if not isinstance(layer, LSTM):
            raise TypeError(f"expected an lstm_book.layers.LSTM, got {type(layer).__name__}")
        if classes < 1:
            raise ValueError(f"expected at least 1 class, got {classes}")
        if readout not in ("last", "mean"):
            raise ValueError(f"expected readout 'last' or 'mean', got {readout!r}")
        self.layer = layer
        self.readout: Readout = readout
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(output_size(layer), classes)

    def forward(self, x: Tensor, *, lengths: Lengths | None = None) -> Tensor:
        """Return one row of logits per sequence.

        Args:
            x: Inputs (T, B, D), or (B, T, D) if the layer has `batch_first`.
            lengths: How many steps each sequence has, (B,), from 1 to T; None if all have T.

        Returns:
            Logits (B, C).

        Raises:
            ValueError: If x is not 3-D, or not of the parameters' dtype.
            RuntimeError: If x has another number of features than D, T = 0, or a length is out of
                range.
            TypeError: If lengths are no whole numbers.
        """
        if x.dim() != 3:
            raise ValueError(f"expected x of 3 dimensions, got {x.dim()} ({tuple(x.shape)})")
        output, (h_n, _) = self.layer(x, lengths=lengths)
        directions = 1 + self.layer.bidirectional
        if self.readout == "last":
            # The last layer's states are the last rows; forwards comes before backwards.
            features = torch.cat(list(h_n[-directions:]), dim=-1)
        else:
            time = 1 if self.layer.batch_first else 0
            steps = x.shape[time] if lengths is None else torch.as_tensor(lengths)[:, None].to(h_n)
            features = output.sum(time) / steps  # outputs beyond a length are zero
        logits: Tensor = self.linear(self.dropout(features))
        return logits


def output_size(layer: LSTM) -> int:
    """Return how many numbers a layer puts out at each step."""
    return (layer.proj_size or layer.hidden_size) * (1 + layer.bidirectional)
