"""Training an encoder and a decoder: each next token is shown, whatever the model said before."""

from typing import Any

from torch import Tensor

from lstm_book.checks import check_shape, check_type
from lstm_book.layers.lengths import valid_steps
from lstm_book.models import Predicted, Vocabulary, sequence_cross_entropy


class TeacherForced:
    """What tasks and data sets for :class:`~lstm_book.models.Seq2Seq` share: their scores."""

    def loss(self, predicted: Predicted, y: tuple[Tensor, Tensor]) -> Tensor:
        """Return the mean cross-entropy of the targets' own tokens, in nats.

        Args:
            predicted: What the model says.
            y: The targets, (T, B), and their lengths, (B,).

        Raises:
            TypeError: If an argument is of another kind.
            ValueError: As :func:`~lstm_book.models.sequence_cross_entropy`.
            RuntimeError: As there.
            IndexError: As there.
        """
        return sequence_cross_entropy(*_checked(predicted, y))

    def accuracy(self, predicted: Predicted, y: tuple[Tensor, Tensor]) -> float:
        """Return the share of the targets' own tokens that are the most probable ones.

        Arguments and errors as for `loss`.

        Raises:
            TypeError: As `loss`.
            ValueError: As `loss`.
            RuntimeError: As `loss`.
        """
        logits, targets, lengths = _checked(predicted, y)
        right = logits.argmax(-1) == targets
        return float(right[valid_steps(lengths, len(targets))].float().mean())


def _checked(predicted: Any, y: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, targets and lengths, if the shapes fit."""
    logits = check_type("predicted", predicted, Predicted, "what a Seq2Seq says").logits
    pair = check_type("y", y, (tuple, list), "the targets and their lengths")
    if len(pair) != 2:
        raise ValueError(f"expected the targets and their lengths, got {len(pair)} parts")
    targets = check_shape("targets", pair[0], "T B", (None, None))
    check_shape("logits", logits, "T B V", (*targets.shape, None))
    return logits, targets, check_shape("lengths", pair[1], "B", (targets.shape[1],))


def answers_in(tokens: Tensor, vocabulary: Vocabulary, stop: int) -> list[str]:
    """Return the answers in tokens (T, B), each up to its stop token or to the end.

    Raises:
        TypeError: If the tokens are no tensor of whole numbers.
        ValueError: If they have not two dimensions.
        IndexError: If a token before the stop token is unknown.
    """
    check_shape("tokens", tokens, "T B", (None, None))
    answers = []
    for column in tokens.T.tolist():
        end = column.index(stop) if stop in column else len(column)
        answers.append(vocabulary.decode(column[:end]))
    return answers


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
