"""Tasks that draw their own sequences, each with the scores of knowing nothing."""

from lstm_book.tasks.adding import Adding, Multiplication
from lstm_book.tasks.addition import Addition, Questions, Sums
from lstm_book.tasks.counting import Counting, Parity
from lstm_book.tasks.dates import Dates, WrittenDate
from lstm_book.tasks.first_and_last import FirstAndLast
from lstm_book.tasks.flip_flop import FlipFlop
from lstm_book.tasks.reber import EmbeddedReber
from lstm_book.tasks.recalling import Copy, Recall
from lstm_book.tasks.temporal_order import TemporalOrder

__all__ = [
    "Adding",
    "Addition",
    "Copy",
    "Counting",
    "Dates",
    "EmbeddedReber",
    "FirstAndLast",
    "FlipFlop",
    "Multiplication",
    "Parity",
    "Questions",
    "Recall",
    "Sums",
    "TemporalOrder",
    "WrittenDate",
]
