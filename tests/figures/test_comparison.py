"""What the chapter on costs counts and says."""

import pytest
import torch

from lstm_book.figures.comparison import calls, slower_where


def test_calls_are_operations_of_torch():
    assert calls(lambda x: (x + 1).tanh(), torch.zeros(3)) == 2
    assert calls(lambda x: None, torch.zeros(3)) == 0


@pytest.mark.parametrize(
    ("small", "large", "words"),
    [
        ([2, 3, 4], [1.1, 2, 3], "at every length that was measured"),
        ([0.5, 2, 3], [2, 3, 4], "from n = 32 on (small) and from n = 16 on (large)"),
        ([2, 0.5, 3], [2, 3, 0.9], "from n = 64 on (small) and from n = none measured on (large)"),
    ],
)
def test_words_for_where_it_is_slower(small, large, words):
    lengths = (16, 32, 64)
    ratios = {"small": dict(zip(lengths, small)), "large": dict(zip(lengths, large))}  # noqa: B905
    assert slower_where(ratios) == words
