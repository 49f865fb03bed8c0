"""Training an encoder and a decoder: each next token is shown, whatever the model said before."""

from torch import Tensor

from lstm_book.layers.lengths import valid_steps
from lstm_book.models import Predicted, sequence_cross_entropy


class TeacherForced:
    """What tasks and data sets for :class:`~lstm_book.models.Seq2Seq` share: their scores."""

    def loss(self, predicted: Predicted, y: tuple[Tensor, Tensor]) -> Tensor:
        """Return the mean cross-entropy of the targets' own tokens, in nats.

        Args:
            predicted: What the model says.
            y: The targets, (T, B), and their lengths, (B,).
        """
        return sequence_cross_entropy(predicted.logits, *y)

    def accuracy(self, predicted: Predicted, y: tuple[Tensor, Tensor]) -> float:
        """Return the share of the targets' own tokens that are the most probable ones."""
        targets, lengths = y
        right = predicted.logits.argmax(-1) == targets
        return float(right[valid_steps(lengths, len(targets))].float().mean())


def named(
    source: Tensor, source_lengths: Tensor, target_in: Tensor, target_lengths: Tensor
) -> dict[str, Tensor]:
    """Return what a :class:`~lstm_book.models.Seq2Seq` is called with, by name."""
    return {
        "source": source,
        "target_in": target_in,
        "source_lengths": source_lengths,
        "target_lengths": target_lengths,
    }
