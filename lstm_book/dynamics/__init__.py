"""A trained layer as a dynamical system: points where it rests, how it moves near them, chaos."""

from lstm_book.dynamics.exponents import LyapunovExponents, lyapunov_exponents
from lstm_book.dynamics.linear import Linearised, linearise
from lstm_book.dynamics.points import FixedPoints, fixed_points

__all__ = [
    "FixedPoints",
    "Linearised",
    "LyapunovExponents",
    "fixed_points",
    "linearise",
    "lyapunov_exponents",
]
