"""The smallest model that answers once, at the end."""

from torch import Tensor, nn

from lstm_book.checks import check_shape, check_whole
from lstm_book.layers.chunks import read_in_chunks
from lstm_book.layers.read import RecurrentLayer, check_layer, read, state_size, weight_like
from lstm_book.models._tokens import Lengths


class LastStepClassifier(nn.Module):
    """Read a sequence and answer from the last hidden state.

    Args:
        layer: A one-directional recurrent layer, one of torch's or ours, see
            :func:`lstm_book.layers.read`.
        outputs: How many answers a sequence has, K; None for a single one without a dimension of
            its own.
        every_layer: Whether the last hidden states of all layers are read, side by side, and not
            only the top one's.

    Raises:
        TypeError: If the layer is no recurrent layer.
        ValueError: If it reads in both directions: its last output has not read backwards yet. If
            it shall have no outputs.
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        *,
        outputs: int | None = None,
        every_layer: bool = False,
    ) -> None:
        super().__init__()
        if check_layer("layer", layer).bidirectional:
            raise ValueError("expected a layer with one direction, got a bidirectional one")
        if outputs is not None:
            check_whole("outputs", outputs, 1)
        self.layer, self.outputs, self.every_layer = layer, outputs, every_layer
        like = weight_like(layer)
        size = state_size(layer) * (layer.num_layers if every_layer else 1)
        self.readout = nn.Linear(size, outputs or 1, device=like.device, dtype=like.dtype)

    def forward(
        self, x: Tensor, chunk: int | None = None, lengths: Lengths | None = None
    ) -> Tensor:
        """Return the answers of each sequence.

        Args:
            x: Inputs, (T, B, D), or (B, T, D) if the layer is `batch_first`.
            chunk: If given, x is read in chunks of so many steps, with less memory for the way
                back; see `lstm_book.layers.read_in_chunks`.
            lengths: How many steps each sequence has, (B,), from 1 to T; None if all have T. The
                answer comes from each sequence's last own step.

        Returns:
            The answers, (B, K); (B,) if `outputs` is None.

        Raises:
            ValueError: If x has not three dimensions, or as `read_in_chunks`, or chunks of every
                layer, or with lengths, are asked for.
            RuntimeError: As the layer, for a wrong size, dtype or device; or if a length is out of
                range.
            TypeError: If lengths are no whole numbers.
        """
        check_shape("x", x, "B T D" if self.layer.batch_first else "T B D", (None, None, None))
        if chunk is not None:
            if self.every_layer or lengths is not None:
                raise ValueError(
                    "expected no chunk: of whole sequences alone the top layer has any"
                )
            last = read_in_chunks(self.layer, x, chunk)
        else:
            output, h_n = (reading := read(self.layer, x, lengths)).output, reading.h
            if self.every_layer:
                last = h_n.transpose(0, 1).flatten(1)
            elif lengths is not None:
                last = h_n[-1]
            else:
                last = output[:, -1] if self.layer.batch_first else output[-1]
        answers: Tensor = self.readout(last)
        return answers.squeeze(-1) if self.outputs is None else answers
