"""Every experiment by its name."""

from lstm_book.experiments.addition import LearnAddition
from lstm_book.experiments.bottleneck import RepeatDigits
from lstm_book.experiments.characters import LearnText
from lstm_book.experiments.classification import Choice, Classification, Data
from lstm_book.experiments.experiment import Experiment
from lstm_book.experiments.tagging import TagSource

_VOWELS = tuple(
    Classification(
        name=f"{kind}-{readout}-{hidden_size}-noise-{noise}",
        about="a candidate",
        data="japanese-vowels",
        bidirectional=kind == "two-directions",
        hidden_size=hidden_size,
        readout=readout,
        noise=noise,
    )
    for kind, hidden_size in (
        ("one-direction", 128),
        ("two-directions", 64),
        ("two-directions", 128),
    )
    for readout in ("last", "mean")
    for noise in (0.0, 0.3)
)
_DIGITS = tuple(
    Classification(
        name=f"{readout}-noise-{noise}",
        about="a candidate",
        data="digits-rows",
        readout=readout,
        noise=noise,
    )
    for readout in ("last", "mean")
    for noise in (0.0, 0.3)
)

_DIGITS_DATA: dict[Data, str] = {
    "digits-rows": "digits as 8 rows, stratified split",
    "digits-halves": "digits as 8 rows, tested on other writers",
    "digits-pixels": "digits as 64 pixels, stratified split",
}

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Choice(
            name="japanese-vowels-choice",
            about="settings for JapaneseVowels, by cross-validation on the training utterances",
            candidates=_VOWELS,
        ),
        Classification(  # the best by cross-validation, and of three as good the smallest
            name="japanese-vowels",
            about="telling nine speakers apart",
            data="japanese-vowels",
            hidden_size=64,
            readout="mean",
            noise=0.3,
        ),
        Choice(
            name="digits-choice",
            about="settings for the digits, by cross-validation on the training images",
            candidates=_DIGITS,
        ),
        *(
            Classification(  # the best by cross-validation
                name=name,
                about=about,
                data=name,
                readout="last",
                noise=0.3,
            )
            for name, about in _DIGITS_DATA.items()
        ),
        LearnAddition(
            name="addition-reversed",
            about="3-digit addition, question reversed, no attention",
        ),
        LearnAddition(
            name="addition-forward",
            about="3-digit addition, question as written, no attention",
            reverse=False,
            seeds=(0, 1),
        ),
        LearnAddition(
            name="addition-reversed-attention",
            about="3-digit addition, question reversed, attention",
            attention="additive",
            seeds=(0, 1),
        ),
        LearnAddition(
            name="addition-forward-attention",
            about="3-digit addition, question as written, attention",
            attention="additive",
            reverse=False,
            seeds=(0, 1),
        ),
        RepeatDigits(
            name="bottleneck",
            about="repeating up to 16 digits, 64 units, no attention",
        ),
        RepeatDigits(
            name="bottleneck-half",
            about="repeating up to 16 digits, 32 units, no attention",
            hidden_size=32,
        ),
        RepeatDigits(
            name="bottleneck-attention",
            about="repeating up to 16 digits, 64 units, attention",
            attention="additive",
        ),
        LearnText(
            name="python-text",
            about="a character model of Python's own text",
            dropout=0.3,
            epochs=14,
            batch=16,
        ),
        LearnText(
            name="python-text-stack",
            about="three layers on Python's own text, and how long each remembers",
            hidden_size=128,
            num_layers=3,
            dropout=0.3,
            epochs=10,
            by_layer=True,
        ),
        TagSource(
            name="python-tags",
            about="what each character of Python source is, read both ways",
        ),
        TagSource(
            name="python-tags-forward",
            about="what each character of Python source is, read forwards, as many parameters",
            bidirectional=False,
            hidden_size=97,
        ),
    )
}
"""All experiments of the book."""
