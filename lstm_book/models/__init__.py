"""Models made of a recurrent layer and a read-out, and a peer that counts."""

from lstm_book.models._tokens import sequence_cross_entropy
from lstm_book.models.char_lm import CharLM
from lstm_book.models.classifier import SequenceClassifier
from lstm_book.models.decoding import BeamSearch, Hypothesis, beam_search
from lstm_book.models.initialise import series_init_
from lstm_book.models.last_step import LastStepClassifier
from lstm_book.models.ngram import NGram, best_ngram
from lstm_book.models.seq2seq import Decoded, Encoded, Predicted, Seq2Seq
from lstm_book.models.speech_detector import (
    SpeechDetector,
    load_speech_detector,
    original_speech_detector,
)
from lstm_book.models.streaming import RecurrentStream, TransformerStream, stream
from lstm_book.models.tagger import Tagger
from lstm_book.models.transformer import TransformerClassifier
from lstm_book.models.vocabulary import Vocabulary

__all__ = [
    "BeamSearch",
    "CharLM",
    "Decoded",
    "Encoded",
    "Hypothesis",
    "LastStepClassifier",
    "NGram",
    "Predicted",
    "RecurrentStream",
    "Seq2Seq",
    "SequenceClassifier",
    "SpeechDetector",
    "Tagger",
    "TransformerClassifier",
    "TransformerStream",
    "Vocabulary",
    "beam_search",
    "best_ngram",
    "load_speech_detector",
    "original_speech_detector",
    "sequence_cross_entropy",
    "series_init_",
    "stream",
]
