"""Taggers that see a window: what they see, and that the linear one is linear in one-hot."""

import torch
from torch.nn import functional

from lstm_book.data import python_sources, tag_characters
from lstm_book.experiments.tagging import source_vocabulary
from lstm_book.experiments.windows import WindowTagger, score, windows_of

FILES = python_sources().split().validation[:2]


def test_windows_are_the_characters_around_and_margins_around_a_file():
    windows, vocabulary = windows_of(FILES, 3), source_vocabulary()
    assert len(windows) == sum(len(file.text) for file in FILES)
    first = len(FILES[0].text)
    x, y = windows.batch(torch.tensor([0, 10, first - 1, first]))
    outside = len(vocabulary)
    assert x[0].tolist() == [outside] * 3 + vocabulary.encode(FILES[0].text[:4]).tolist()
    assert vocabulary.decode(x[1]) == FILES[0].text[7:14]
    assert x[2, 4:].tolist() == x[3, :3].tolist() == [outside] * 3
    assert y[:2].tolist() == [tag_characters(FILES[0].text)[k] for k in (0, 10)]


def test_the_linear_tagger_is_a_matrix_on_one_hot_characters():
    tagger = WindowTagger(5, 7, width=3, embedding=0, hidden_size=0)
    torch.nn.init.normal_(tagger.table.weight)
    x = torch.tensor([[0, 4, 2], [1, 1, 1]])
    one_hot = functional.one_hot(x, 5).float().flatten(1)
    wanted = one_hot @ tagger.table.weight + tagger.bias
    assert torch.allclose(tagger(x), wanted, atol=1e-6)


def test_the_score_is_the_share_of_right_tags():
    windows = windows_of(FILES[:1], 0)
    symbols = len(source_vocabulary()) + 1
    tagger = WindowTagger(symbols, 7, width=1, embedding=0, hidden_size=0)
    with torch.no_grad():
        tagger.bias[2] = 1.0
    wanted = (windows.tags == 2).double().mean().item()
    assert abs(score(tagger, windows) - wanted) < 1e-6
