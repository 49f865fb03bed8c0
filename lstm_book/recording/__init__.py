"""What the gates of a trained LSTM did: recorded in one line, and summed up in numbers."""

from lstm_book.recording.record import record
from lstm_book.recording.trace import GateTrace, Recording

__all__ = ["GateTrace", "Recording", "record"]
