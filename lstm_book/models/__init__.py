"""Models made of a recurrent layer and a read-out."""

from lstm_book.models.last_step import LastStepClassifier

__all__ = ["LastStepClassifier"]
