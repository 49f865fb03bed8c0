"""An executable book about Long Short-Term Memory networks, and the package it is made of.

The map: every public name, under the chapter that builds it.

part1_maths/recurrence
    rnn_step, RNNCell, unroll, Unrolled, run_module
part1_maths/vanishing
    rnn_jacobians, cumulative, lag_norms, LagNorms, init_orthogonal_
part1_maths/gates
    lstm_step, Gates, Weights, weights_of, init_forget_bias_, lstm_update
part1_maths/cell_update
    LSTMCell, LSTMState
part1_maths/gradient_flow
    state_jacobians, StateJacobians, cell_jacobian, CellJacobian, gradient_flow, Flow,
    lstm_1997_step, Gates1997
part1_maths/bptt
    bptt, LSTMGradients, rnn_bptt, RNNGradients
part1_maths/side_by_side
    LastStepClassifier, init_chrono_, init_xavier_
part2_pytorch/the_layer
    LSTM
part2_pytorch/bidirectional
    DirectionOutput, directions
part2_pytorch/initialisation
    series_init_
part2_pytorch/seq2seq
    Seq2Seq, Encoded, Predicted, Decoded, beam_search, BeamSearch, Hypothesis, Addition, Sums,
    sequence_cross_entropy
part2_pytorch/variants
    Cell, CoupledLSTMCell, DropoutState, FGRState, GRUCell, GRUGates, GreffLSTMCell, JANETCell,
    JANETGates, LSTM1997Cell, LayerNormLSTMCell, MinLSTMCell, MinLSTMGates, PeepholeGates,
    PeepholeLSTMCell, Recurrent, RecurrentDropoutLSTMCell, RecurrentRun, SLSTMCell, SLSTMGates,
    SLSTMState, VariantCell, ZoneoutGates, ZoneoutLSTMCell, linear_scan
part2_pytorch/classification
    SequenceClassifier, SequenceDataset, Sequences, descend, load_digits, load_japanese_vowels
part2_pytorch/tagging
    CHARACTER_TAGS, SourceFile, SourceParts, Sources, Tagger, python_sources, tag_characters
part2_pytorch/character_model
    CharLM, NGram, Text, TextParts, Vocabulary, best_ngram, contiguous_batches, python_text
part2_pytorch/in_your_code
    GATE_ORDERS, ONNXWeights, from_flax, from_keras, from_onnx, from_tensorflow1, reorder, to_keras,
    to_onnx
part3_training/the_task
    Adding, Copy, Counting, EmbeddedReber, FirstAndLast, Multiplication, Parity, Recall,
    TemporalOrder
part3_training/training_loop
    fit, History, Checkpoint, Score, Solved, evaluate, evaluate_by_length
part3_training/long_memory
    read_in_chunks
part3_training/reading_gates
    record, Recording, Trace, compare, Comparison, Change
part3_training/carousel_seen
    gradient_paths, GradientPaths
part3_training/comparison
    TransformerClassifier
appendix/stored_runs
    EXPERIMENTS, Experiment, Outcome, Repeat, StoredRun, confirm_experiment, load_experiment,
    run_experiment

Figures are drawn by `lstm_book.plotting`, which needs the extra ``lstm-book[plot]``.
"""

from lstm_book.cells import (
    Cell,
    CoupledLSTMCell,
    DropoutState,
    FGRState,
    Gates,
    Gates1997,
    GreffLSTMCell,
    GRUCell,
    GRUGates,
    JANETCell,
    JANETGates,
    LayerNormLSTMCell,
    LSTM1997Cell,
    LSTMCell,
    LSTMState,
    MinLSTMCell,
    MinLSTMGates,
    PeepholeGates,
    PeepholeLSTMCell,
    RecurrentDropoutLSTMCell,
    RNNCell,
    SLSTMCell,
    SLSTMGates,
    SLSTMState,
    VariantCell,
    Weights,
    ZoneoutGates,
    ZoneoutLSTMCell,
    init_chrono_,
    init_forget_bias_,
    init_orthogonal_,
    init_xavier_,
    linear_scan,
    lstm_1997_step,
    lstm_step,
    lstm_update,
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
from lstm_book.experiments import (
    EXPERIMENTS,
    Experiment,
    Outcome,
    Repeat,
    StoredRun,
    confirm_experiment,
    load_experiment,
    run_experiment,
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
    state_jacobians,
)
from lstm_book.layers import (
    GATE_ORDERS,
    LSTM,
    DirectionOutput,
    ONNXWeights,
    Recurrent,
    RecurrentRun,
    Unrolled,
    directions,
    from_flax,
    from_keras,
    from_onnx,
    from_tensorflow1,
    read_in_chunks,
    reorder,
    run_module,
    to_keras,
    to_onnx,
    unroll,
)
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
    TransformerClassifier,
    Vocabulary,
    beam_search,
    best_ngram,
    sequence_cross_entropy,
    series_init_,
)
from lstm_book.recording import (
    Change,
    Comparison,
    GradientPaths,
    Recording,
    Trace,
    compare,
    gradient_paths,
    record,
)
from lstm_book.tasks import (
    Adding,
    Addition,
    Copy,
    Counting,
    EmbeddedReber,
    FirstAndLast,
    Multiplication,
    Parity,
    Recall,
    Sums,
    TemporalOrder,
)
from lstm_book.training import (
    Checkpoint,
    History,
    Score,
    Solved,
    descend,
    evaluate,
    evaluate_by_length,
    fit,
)

__version__ = "0.1.0"

__all__ = [
    "CHARACTER_TAGS",
    "EXPERIMENTS",
    "GATE_ORDERS",
    "LSTM",
    "Adding",
    "Addition",
    "BeamSearch",
    "Cell",
    "CellJacobian",
    "Change",
    "CharLM",
    "Checkpoint",
    "Comparison",
    "Copy",
    "Counting",
    "CoupledLSTMCell",
    "Decoded",
    "DirectionOutput",
    "DropoutState",
    "EmbeddedReber",
    "Encoded",
    "Experiment",
    "FGRState",
    "FirstAndLast",
    "Flow",
    "GRUCell",
    "GRUGates",
    "Gates",
    "Gates1997",
    "GradientPaths",
    "GreffLSTMCell",
    "History",
    "Hypothesis",
    "JANETCell",
    "JANETGates",
    "LSTM1997Cell",
    "LSTMCell",
    "LSTMGradients",
    "LSTMState",
    "LagNorms",
    "LastStepClassifier",
    "LayerNormLSTMCell",
    "MinLSTMCell",
    "MinLSTMGates",
    "Multiplication",
    "NGram",
    "ONNXWeights",
    "Outcome",
    "Parity",
    "PeepholeGates",
    "PeepholeLSTMCell",
    "Predicted",
    "RNNCell",
    "RNNGradients",
    "Recall",
    "Recording",
    "Recurrent",
    "RecurrentDropoutLSTMCell",
    "RecurrentRun",
    "Repeat",
    "SLSTMCell",
    "SLSTMGates",
    "SLSTMState",
    "Score",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceDataset",
    "Sequences",
    "Solved",
    "SourceFile",
    "SourceParts",
    "Sources",
    "StateJacobians",
    "StoredRun",
    "Sums",
    "Tagger",
    "TemporalOrder",
    "Text",
    "TextParts",
    "Trace",
    "TransformerClassifier",
    "Unrolled",
    "VariantCell",
    "Vocabulary",
    "Weights",
    "ZoneoutGates",
    "ZoneoutLSTMCell",
    "beam_search",
    "best_ngram",
    "bptt",
    "cell_jacobian",
    "compare",
    "confirm_experiment",
    "contiguous_batches",
    "cumulative",
    "descend",
    "directions",
    "evaluate",
    "evaluate_by_length",
    "fit",
    "from_flax",
    "from_keras",
    "from_onnx",
    "from_tensorflow1",
    "gradient_flow",
    "gradient_paths",
    "init_chrono_",
    "init_forget_bias_",
    "init_orthogonal_",
    "init_xavier_",
    "lag_norms",
    "linear_scan",
    "load_digits",
    "load_experiment",
    "load_japanese_vowels",
    "lstm_1997_step",
    "lstm_step",
    "lstm_update",
    "python_sources",
    "python_text",
    "read_in_chunks",
    "record",
    "reorder",
    "rnn_bptt",
    "rnn_jacobians",
    "rnn_step",
    "run_experiment",
    "run_module",
    "sequence_cross_entropy",
    "series_init_",
    "state_jacobians",
    "tag_characters",
    "to_keras",
    "to_onnx",
    "unroll",
    "weights_of",
]
