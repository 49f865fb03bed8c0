"""What the gates of a trained LSTM did: recorded in one line, and summed up in numbers."""

from lstm_book.recording.compare import Change, Comparison, compare
from lstm_book.recording.paths import GradientPaths, gradient_paths
from lstm_book.recording.probe import linear_probe
from lstm_book.recording.record import record
from lstm_book.recording.trace import Recording, Trace

__all__ = [
    "Change",
    "Comparison",
    "GradientPaths",
    "Recording",
    "Trace",
    "compare",
    "gradient_paths",
    "linear_probe",
    "record",
]
