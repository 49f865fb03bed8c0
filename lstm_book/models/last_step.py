"""The smallest model that answers once, at the end."""

from torch import Tensor, nn

from lstm_book.cells._check import check_shape
from lstm_book.layers.chunks import read_in_chunks


class LastStepClassifier(nn.Module):
    """Read a sequence and answer from the last hidden state.

    Args:
        layer: A one-directional recurrent layer, such as `torch.nn.LSTM` or `torch.nn.RNN`.

    Raises:
        TypeError: If the layer is no recurrent layer of torch.
        ValueError: If it reads in both directions: its last output has not read backwards yet.
    """

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        if not isinstance(layer, nn.RNNBase):
            raise TypeError(f"expected a recurrent layer, got {type(layer).__name__}")
        if layer.bidirectional:
            raise ValueError("expected a layer with one direction, got a bidirectional one")
        self.layer = layer
        like = next(layer.parameters())
        self.readout = nn.Linear(
            layer.proj_size or layer.hidden_size, 1, device=like.device, dtype=like.dtype
        )

    def forward(self, x: Tensor, *, chunk: int | None = None) -> Tensor:
        """Return one logit per sequence.

        Args:
            x: Inputs, (T, B, D), or (B, T, D) if the layer is `batch_first`.
            chunk: If given, x is read in chunks of so many steps, with less memory for the way
                back; see `lstm_book.layers.read_in_chunks`.

        Returns:
            The logits, (B,).

        Raises:
            ValueError: If x has not three dimensions, or as `read_in_chunks`.
            RuntimeError: As the layer, for a wrong size, dtype or device.
        """
        check_shape("x", x, "B T D" if self.layer.batch_first else "T B D", (None, None, None))
        if chunk is not None:
            last = read_in_chunks(self.layer, x, chunk)
        else:
            output, _ = self.layer(x)
            last = output[:, -1] if self.layer.batch_first else output[-1]
        logit: Tensor = self.readout(last)
        return logit.squeeze(-1)
