"""The smallest model that answers once, at the end."""

import torch
from torch import Tensor, nn

from lstm_book.checks import check_shape, check_whole
from lstm_book.layers.chunks import read_in_chunks
from lstm_book.layers.recurrent import Recurrent


class LastStepClassifier(nn.Module):
    """Read a sequence and answer from the last hidden state.

    Args:
        layer: A one-directional recurrent layer, such as `torch.nn.LSTM`, `torch.nn.RNN` or
            :class:`lstm_book.layers.Recurrent`.
        outputs: How many answers a sequence has, K; None for a single one without a dimension of
            its own.
        every_layer: Whether the last hidden states of all layers are read, side by side, and not
            only the top one's; for torch's layers.

    Raises:
        TypeError: If the layer is no recurrent layer.
        ValueError: If it reads in both directions: its last output has not read backwards yet. If
            it shall have no outputs.
    """

    def __init__(
        self,
        layer: nn.RNNBase | Recurrent,
        *,
        outputs: int | None = None,
        every_layer: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(layer, nn.RNNBase if every_layer else nn.RNNBase | Recurrent):
            raise TypeError(f"expected a recurrent layer, got {type(layer).__name__}")
        if layer.bidirectional:
            raise ValueError("expected a layer with one direction, got a bidirectional one")
        if outputs is not None:
            check_whole("outputs", outputs, 1)
        self.layer, self.outputs, self.every_layer = layer, outputs, every_layer
        like = next(layer.parameters(), torch.empty(0))
        size = getattr(layer, "proj_size", 0) or layer.hidden_size
        size *= layer.num_layers if every_layer else 1
        self.readout = nn.Linear(size, outputs or 1, device=like.device, dtype=like.dtype)

    def forward(self, x: Tensor, chunk: int | None = None) -> Tensor:
        """Return the answers of each sequence.

        Args:
            x: Inputs, (T, B, D), or (B, T, D) if the layer is `batch_first`.
            chunk: If given, x is read in chunks of so many steps, with less memory for the way
                back; see `lstm_book.layers.read_in_chunks`.

        Returns:
            The answers, (B, K); (B,) if `outputs` is None.

        Raises:
            ValueError: If x has not three dimensions, or as `read_in_chunks`, or chunks of every
                layer are asked for.
            RuntimeError: As the layer, for a wrong size, dtype or device.
        """
        check_shape("x", x, "B T D" if self.layer.batch_first else "T B D", (None, None, None))
        if chunk is not None:
            if self.every_layer:
                raise ValueError("expected no chunk: only the top layer is read in chunks")
            last = read_in_chunks(self.layer, x, chunk)
        elif self.every_layer:
            state = self.layer(x)[1]
            h_n = state[0] if isinstance(state, tuple) else state
            last = h_n.transpose(0, 1).flatten(1)
        else:
            output, _ = self.layer(x)
            last = output[:, -1] if self.layer.batch_first else output[-1]
        answers: Tensor = self.readout(last)
        return answers.squeeze(-1) if self.outputs is None else answers
