"""One answer for a whole sequence, whatever its length."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lstm_book.checks import check_choice, check_number, check_shape, check_whole
from lstm_book.layers.read import RecurrentLayer, check_layer, output_size, read, weight_like
from lstm_book.models._tokens import Lengths

Readout = Literal["last", "mean"]


class SequenceClassifier(nn.Module):
    """Many-to-one: read a sequence, then name its class.

    The read-out sees either the state after each direction's last own step (forwards that is step
    T_n of a sequence of length T_n, backwards its step 1), or the mean of the outputs over its own
    steps. Padding is never seen.

    Args:
        layer: The recurrent layer that reads, of any depth and direction: one of torch's or ours,
            see :func:`lstm_book.layers.read`.
        classes: How many classes C to tell apart.
        readout: "last" or "mean".
        dropout: Probability of zeroing a feature before the read-out, while training.

    Raises:
        TypeError: If the layer is no recurrent layer.
        ValueError: If there is no class, or the read-out is none of the two.

    >>> model = SequenceClassifier(nn.GRU(12, 16, bidirectional=True), classes=9)
    >>> model(torch.zeros(29, 4, 12), lengths=[7, 29, 12, 20]).shape
    torch.Size([4, 9])
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        classes: int,
        *,
        readout: Readout = "last",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layer = check_layer("layer", layer)
        check_whole("classes", classes, 1)
        check_choice("readout", readout, get_args(Readout))
        dropout = check_number("dropout", dropout, 0, 1)
        self.readout: Readout = readout
        self.dropout = nn.Dropout(dropout)
        like = weight_like(layer)
        self.linear = nn.Linear(output_size(layer), classes, device=like.device, dtype=like.dtype)

    def forward(self, x: Tensor, lengths: Lengths | None = None) -> Tensor:
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
        check_shape("x", x, "B T D" if self.layer.batch_first else "T B D", (None,) * 3)
        reading = read(self.layer, x, lengths)
        directions = 1 + bool(self.layer.bidirectional)
        if self.readout == "last":
            # The last layer's states come last, forwards before backwards.
            features = torch.cat(list(reading.h[-directions:]), dim=-1)
        else:
            time = 1 if self.layer.batch_first else 0
            output = reading.output  # zero beyond a length
            own = x.shape[time] if lengths is None else torch.as_tensor(lengths)[:, None].to(output)
            features = output.sum(time) / own
        logits: Tensor = self.linear(self.dropout(features))
        return logits
