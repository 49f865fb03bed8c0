"""An executable book about Long Short-Term Memory networks, and the package it is made of.

The map: every public name, under the chapter that builds it.

part1_maths/what_you_need
    cumulative
part1_maths/recurrence
    rnn_step, RNNCell, unroll, Unrolled, run_module, FirstAndLast
part1_maths/vanishing
    rnn_jacobians, lag_norms, LagNorms, init_orthogonal_
part1_maths/gates
    lstm_step, Gates, Weights, weights_of, init_forget_bias_, init_xavier_
part1_maths/cell_update
    LSTMCell, LSTMState
part1_maths/gradient_flow
    state_jacobians, StateJacobians, cell_jacobian, CellJacobian, gradient_flow, Flow,
    lstm_1997_step, Gates1997
part1_maths/bptt
    bptt, LSTMGradients, rnn_bptt, RNNGradients
part1_maths/side_by_side
    fit, History, LastStepClassifier, init_chrono_
part2_pytorch/initialisation
    series_init_
part2_pytorch/classification
    load_japanese_vowels, load_digits, SequenceDataset, Sequences, SequenceClassifier
part2_pytorch/tagging
    Tagger, sequence_cross_entropy, tag_characters, CHARACTER_TAGS,
    python_sources, Sources, SourceFile, SourceParts
part2_pytorch/character_model
    CharLM, Vocabulary, python_text, Text, TextParts, contiguous_batches, NGram, best_ngram
part2_pytorch/encoder_decoder
    Addition, Sums, Seq2Seq, Encoded, Predicted, Decoded, beam_search, BeamSearch, Hypothesis

Figures are drawn by `lstm_book.plotting`, which needs the extra ``lstm-book[plot]``.
"""

from lstm_book.cells import (
    Gates,
    Gates1997,
    LSTMCell,
    LSTMState,
    RNNCell,
    Weights,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
    lstm_1997_step,
    lstm_step,
    rnn_step,
    weights_of,
)
from lstm_book.data import (
    CHARACTER_TAGS,
    SequenceDataset,
    Sequences,
    SourceFile,
    SourceParts,
    Sources,
    Text,
    TextParts,
    contiguous_batches,
    load_digits,
    load_japanese_vowels,
    python_sources,
    python_text,
    tag_characters,
)
from lstm_book.gradients import (
    CellJacobian,
    Flow,
    LagNorms,
    LSTMGradients,
    RNNGradients,
    StateJacobians,
    bptt,
    cell_jacobian,
    cumulative,
    gradient_flow,
    lag_norms,
    rnn_bptt,
    rnn_jacobians,
    run_module,
    state_jacobians,
)
from lstm_book.layers import Unrolled, unroll
from lstm_book.models import (
    BeamSearch,
    CharLM,
    Decoded,
    Encoded,
    Hypothesis,
    LastStepClassifier,
    NGram,
    Predicted,
    Seq2Seq,
    SequenceClassifier,
    Tagger,
    Vocabulary,
    beam_search,
    best_ngram,
    sequence_cross_entropy,
    series_init_,
)
from lstm_book.tasks import Addition, FirstAndLast, Sums
from lstm_book.training import History, fit

__version__ = "0.1.0"

__all__ = [
    "CHARACTER_TAGS",
    "Addition",
    "BeamSearch",
    "CellJacobian",
    "CharLM",
    "Decoded",
    "Encoded",
    "FirstAndLast",
    "Flow",
    "Gates",
    "Gates1997",
    "History",
    "Hypothesis",
    "LSTMCell",
    "LSTMGradients",
    "LSTMState",
    "LagNorms",
    "LastStepClassifier",
    "NGram",
    "Predicted",
    "RNNCell",
    "RNNGradients",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceDataset",
    "Sequences",
    "SourceFile",
    "SourceParts",
    "Sources",
    "StateJacobians",
    "Sums",
    "Tagger",
    "Text",
    "TextParts",
    "Unrolled",
    "Vocabulary",
    "Weights",
    "beam_search",
    "best_ngram",
    "bptt",
    "cell_jacobian",
    "contiguous_batches",
    "cumulative",
    "fit",
    "gradient_flow",
    "init_chrono_",
    "init_forget_bias_",
    "init_orthogonal_",
    "init_xavier_",
    "lag_norms",
    "load_digits",
    "load_japanese_vowels",
    "lstm_1997_step",
    "lstm_step",
    "python_sources",
    "python_text",
    "rnn_bptt",
    "rnn_jacobians",
    "rnn_step",
    "run_module",
    "sequence_cross_entropy",
    "series_init_",
    "state_jacobians",
    "tag_characters",
    "unroll",
    "weights_of",
]
