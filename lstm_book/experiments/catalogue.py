"""Every experiment by its name."""

import math
from typing import Any

from lstm_book.experiments.ablation import VARIANTS, Ablation, CountSinceReset
from lstm_book.experiments.addition import LearnAddition
from lstm_book.experiments.bottleneck import RepeatDigits, RepeatDigitsLonger
from lstm_book.experiments.characters import LearnText
from lstm_book.experiments.classification import (
    Choice,
    ChoiceByLoss,
    Classification,
    Data,
    WithDifferences,
)
from lstm_book.experiments.dates import LearnDates
from lstm_book.experiments.experiment import Experiment
from lstm_book.experiments.gate_scale import GateScale
from lstm_book.experiments.learn_task import (
    GoOn,
    LearnInStages,
    LearnTask,
    LearnTaskInTime,
    Start,
)
from lstm_book.experiments.min_lstm import LearnMinLSTM
from lstm_book.experiments.parity import LearnParity
from lstm_book.experiments.series import Layer, Series
from lstm_book.experiments.side_by_side import Continued, SideBySide
from lstm_book.experiments.tagging import TagSource
from lstm_book.experiments.windows import TagByWindow
from lstm_book.tasks import Adding, FirstAndLast, TemporalOrder

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

_DIFFERENCES: tuple[Classification, ...] = (
    Classification(
        name="coefficients-mean",
        about="a candidate",
        data="japanese-vowels",
        hidden_size=64,
    ),
    WithDifferences(
        name="differences-mean",
        about="a candidate",
        data="japanese-vowels",
        hidden_size=64,
    ),
    WithDifferences(
        name="differences-last",
        about="a candidate",
        data="japanese-vowels",
        hidden_size=64,
        readout="last",
    ),
)

_CHOSEN_WINDOW = ("window", 40)
"""The better on the validation files. A linear tagger has no local minima: one seed is enough."""

_DIGITS_DATA: dict[Data, str] = {
    "digits-rows": "digits as 8 rows, stratified split",
    "digits-halves": "digits as 8 rows, tested on other writers",
    "digits-pixels": "digits as 64 pixels, stratified split",
}

_PEERS: dict[str, tuple[Layer, float | str | None]] = {
    "rnn": ("rnn", None),
    "lstm-default": ("lstm", None),
    "lstm-doubled": ("lstm", 2.0),
    "lstm-chosen": ("lstm", "log T"),
    "gru": ("gru", None),
    "gru-chosen": ("gru", "log T"),
    "transformer": ("transformer", None),
}


def _series(length: int, peer: str, *, epochs: int = 100, patience: int | None = None) -> Series:
    """Return the series' experiment for one model and length."""
    layer, bias = _PEERS[peer]
    words = {"lstm-default": "PyTorch's first weights", "lstm-doubled": "forget bias 2"}
    words["lstm-chosen"] = f"forget bias ln {length}"
    words |= {"gru-doubled": "update bias 2", "gru-chosen": f"update bias ln {length}"}
    return Series(
        name=f"first-and-last-{length}-{peer}",
        about=f"the series' experiment over {length} steps: {layer}"
        + (f", {words[peer]}" if peer in words else ""),
        seeds=(0, 1, 2, 3, 4) if length < 300 else (0, 1, 2),
        replayed=2 if length == 300 and peer == "lstm-chosen" else 3,
        length=length,
        layer=layer,
        forget_bias=math.log(length) if isinstance(bias, str) else bias,
        epochs=epochs,
        patience=patience,
        read_first=10_000 if peer.startswith("gru-") else None,
    )


def _starts(length: int) -> list[tuple[str, str, Start]]:
    """Return the first biases to compare: name, description, what `LearnTask` calls it."""
    return [
        ("default", "PyTorch's first biases", "default"),
        *((f"bias-{bias}", f"forget bias {bias}", float(bias)) for bias in (0, 1, 2)),
        ("bias-log", f"forget bias ln {length}", math.log(length)),
        ("chrono", "chrono initialisation", "chrono"),
    ]


_HALVES: tuple[tuple[str, str, Start], ...] = (
    ("bias-log", "forget bias ln 200", math.log(200)),
    ("shut", "forget bias ln 200, input bias -ln 200", "shut"),
    ("spread", "chrono's forget biases alone", "spread"),
    ("chrono", "chrono initialisation", "chrono"),
)

_ADDING_1000 = LearnTask(
    name="adding-1000",
    about="adding over 1 000 steps, chrono initialisation",
    task=Adding(1000, batch_first=True),
)

_ABLATED: dict[str, tuple[Any, float, float]] = {
    "adding": (Adding(40), 2e-3, 0.6),
    "order": (TemporalOrder(40, form="pascanu"), 0.5, 0.95),
    "reset": (CountSinceReset(40), 2e-3, 0.6),
}
"""Task, and the loss and the share of right answers that count as solved."""

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
        ChoiceByLoss(
            name="japanese-vowels-differences-choice",
            about="JapaneseVowels with and without differences, by cross-validation",
            candidates=_DIFFERENCES,
        ),
        WithDifferences(  # the lowest loss by cross-validation
            name="japanese-vowels-differences-last",
            about="telling nine speakers apart, with differences",
            data="japanese-vowels",
            hidden_size=64,
            readout="last",
        ),
        WithDifferences(  # the second, by a difference that says nothing
            name="japanese-vowels-differences",
            about="the same from the mean of the outputs",
            data="japanese-vowels",
            hidden_size=64,
            readout="mean",
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
                kept=False,
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
        ),
        LearnAddition(
            name="addition-reversed-attention",
            about="3-digit addition, question reversed, attention",
            kept=False,
            attention="additive",
        ),
        LearnAddition(
            name="addition-forward-attention",
            about="3-digit addition, question as written, attention",
            attention="additive",
            reverse=False,
        ),
        RepeatDigits(
            name="bottleneck-attention",
            about="repeating up to 16 digits, 64 units, attention",
            attention="additive",
        ),
        *(
            RepeatDigitsLonger(
                name=f"bottleneck-{hidden_size}",
                about=f"repeating up to 16 digits, {hidden_size} units, 2 000 to 12 000 updates",
                hidden_size=hidden_size,
            )
            for hidden_size in (64, 32)
        ),
        LearnDates(name="dates", about="dates of twelve languages into ISO form, attention"),
        LearnDates(
            name="dates-plain",
            about="dates of twelve languages into ISO form, no attention",
            attention="none",
            kept=False,
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
        *(
            TagByWindow(
                name=f"python-tags-{kind}-{around}",
                about=f"the same from {around} characters on either side, {about}",
                seeds=(0, 1, 2, 3, 4) if (kind, around) == _CHOSEN_WINDOW else (0,),
                kept=(kind, around) == _CHOSEN_WINDOW,
                around=around,
                hidden_size=hidden_size,
            )
            for kind, about, around, hidden_size in (
                ("linear", "linear", 40, 0),
                ("linear", "linear", 80, 0),
                ("window", "one hidden layer", 40, 40),
                ("window", "one hidden layer", 80, 20),
            )
        ),
        *(_series(30, peer) for peer in _PEERS),
        *(_series(100, peer, patience=6) for peer in _PEERS),
        *(_series(300, peer, patience=6) for peer in ("lstm-chosen", "gru")),
        SideBySide(
            name="side-by-side",
            about="RNNs and LSTMs from vanishing to growing gradients, learning rate 0.01",
        ),
        SideBySide(
            name="side-by-side-slow",
            about="the same at a third of the learning rate",
            lr=3e-3,
        ),
        SideBySide(
            name="side-by-side-slower",
            about="the same at a tenth of the learning rate",
            lr=1e-3,
        ),
        Continued(
            name="side-by-side-continued",
            about="orthogonal RNNs after 250 updates, each continued five times",
        ),
        LearnTask(
            name="first-and-last",
            about="the first and the last number, 32 units, fresh sequences, forget bias 2",
            task=FirstAndLast(30),
            start=2.0,
            lr=3e-3,
            batch=64,
            sequences=320_000,
            loss=0.15,
            accuracy=0.95,
        ),
        LearnTask(
            name="gate-lab-lstm",
            about="the first and the last of 20 numbers, 16 units, for the gate lab",
            task=FirstAndLast(20, features=1),
            hidden_size=16,
            start=2.0,
            batch=64,
            sequences=160_000,
            loss=0.1,
            accuracy=0.96,
        ),
        LearnTask(
            name="gate-lab-rnn",
            about="the same for an RNN, at a third of the learning rate",
            task=FirstAndLast(20, features=1),
            layer="rnn",
            hidden_size=16,
            start="default",
            lr=3e-3,
            batch=64,
            sequences=160_000,
            loss=0.1,
            accuracy=0.96,
        ),
        LearnTask(
            name="adding-100",
            about="adding over 100 steps, chrono initialisation",
            task=Adding(100, batch_first=True),
        ),
        *(
            LearnTask(
                name=f"adding-{length}-{name}",
                about=f"adding over {length} steps, {about}",
                task=Adding(length, batch_first=True),
                start=start,
                replayed=2 if length == 200 and name == "bias-log" else 3,
            )
            for length in (50, 200)
            for name, about, start in _starts(length)
        ),
        *(
            LearnInStages(
                name=f"adding-200-{name}" + (f"-lr-{lr:g}" if lr != 1e-2 else ""),
                about=f"adding over 200 steps, {about}, learning rate {lr:g}",
                task=Adding(200, batch_first=True),
                start=start,
                lr=lr,
            )
            for name, about, start in _HALVES
            for lr in (1e-2, 3e-3, 3e-2)
            if lr != 1e-2 or name in ("shut", "spread")
        ),
        _ADDING_1000,
        *(
            LearnInStages(
                name=f"adding-{length}-again",
                about=f"adding over {length} steps, chrono initialisation, five more seeds",
                seeds=(5, 6, 7, 8, 9),
                task=Adding(length, batch_first=True),
            )
            for length in (100, 1000)
        ),
        *(
            GoOn(
                name=f"adding-10000-{name}",
                about=f"on from 1 000 to 10 000 steps, {about}",
                origin=_ADDING_1000,
                shift=shift,
                task=Adding(10_000, batch_first=True),
                chunk=500,
            )
            for name, about, shift in (
                ("unshifted", "as it is", 0.0),
                ("shifted", "its biases shifted by ln 10", math.log(10)),
            )
        ),
        LearnTaskInTime(
            name="adding-10000",
            about="adding over 10 000 steps, chrono, a falling learning rate",
            task=Adding(10_000, batch_first=True),
            lr=2e-2,
            batch=10,
            warm_up=100,
            chunk=500,
        ),
        LearnTask(
            name="adding-10000-16",
            about="adding over 10 000 steps, chrono initialisation, 16 units",
            task=Adding(10_000, batch_first=True),
            hidden_size=16,
            chunk=500,
        ),
        LearnTask(
            name="adding-100000",
            about="adding over 100 000 steps, chrono initialisation",
            seeds=(0,),
            task=Adding(100_000, batch_first=True),
            hidden_size=16,
            sequences=80_000,
            chunk=320,
            save_every=25,
        ),
        *(
            LearnParity(
                name=f"parity-scale-{scale}",
                about=f"parity of 3 to 16 bits, first weights {scale} times PyTorch's",
                scale=float(scale),
            )
            for scale in (1, 2, 4, 8, 16)
        ),
        GateScale(
            name="gate-scale",
            about="first and last over 12 steps from weights drawn in eight ways",
        ),
        LearnMinLSTM(
            name="min-lstm",
            about="first and last over 15 steps, one layer of minLSTM",
        ),
        LearnMinLSTM(
            name="min-lstm-two-layers",
            about="first and last over 15 steps, two layers of minLSTM",
            num_layers=2,
        ),
        *(
            Ablation(
                name=f"ablation-{name}-{variant.replace(' ', '-')}",
                about=f"{name}, 40 steps, 16 units: {variant}",
                task=task,
                layer=variant,
                loss=loss,
                accuracy=accuracy,
            )
            for name, (task, loss, accuracy) in _ABLATED.items()
            for variant in VARIANTS
        ),
    )
}
"""All experiments of the book."""

EVERY_SEED = {
    "first-and-last",
    "side-by-side-continued",
    *("adding-100", "adding-1000", "adding-10000", "adding-100000"),
}
"""Experiments of which weights and history are kept for every seed, because the book reads them."""
