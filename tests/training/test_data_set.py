"""fit on a data set: against a loop by hand, and a stopped run against one that was not."""

from itertools import chain

import pytest
import torch
from torch import nn
from torch.nn import functional

from lstm_book.data import Sequences
from lstm_book.models import SequenceClassifier
from lstm_book.tasks import FirstAndLast
from lstm_book.training import Best, Checkpoint, OneCycle, fit
from lstm_book.training.task import block_means, epoch_means

N, CLASSES = 21, 3


def examples():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, N, 2, generator=generator)
    lengths = torch.randint(1, 7, (N,), generator=generator)
    return Sequences(x, lengths, torch.randint(CLASSES, (N,), generator=generator))


def classifier():
    torch.manual_seed(1)
    return SequenceClassifier(nn.GRU(2, 4), CLASSES, dropout=0.3)


def by_hand(epochs, batch, lr, weight_decay, clip=1.0, rise=None, generator=None):
    data, model = examples(), classifier()
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = None
    if rise is not None:
        total = epochs * -(-N // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total, pct_start=rise)
    losses = []
    for _ in range(epochs):
        for places in torch.randperm(N, generator=generator).split(batch):
            part = data.take(places)
            loss = functional.cross_entropy(model(part.x, part.lengths), part.y)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
            if schedule:
                schedule.step()
            losses.append(loss.item())
    return model, losses


def same(model, other):
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("rise", [None, 0.2])
def test_epochs_against_a_loop_by_hand(rise, seed):
    def order():
        return None if seed is None else torch.Generator().manual_seed(seed)

    settings = {"epochs": 3, "batch": 8, "lr": 0.05, "weight_decay": 0.1}
    model = classifier()
    schedule = None if rise is None else OneCycle(rise)
    history = fit(model, examples(), schedule=schedule, generator=order(), **settings)
    wanted, losses = by_hand(rise=rise, generator=order(), **settings)
    assert same(model, wanted)
    assert history.loss == losses
    assert len(history.accuracy) == 9


class Noted(Sequences):
    """Sequences that note which of them are read."""

    def batch(self, places):
        read.append(places.tolist())
        return super().batch(places)


read: list[list[int]] = []


def test_every_epoch_reads_each_example_once_in_a_new_order():
    read.clear()
    data = Noted(**vars(examples()))
    fit(classifier(), data, epochs=2, batch=8)
    assert [len(places) for places in read] == [8, 8, 5] * 2
    one, two = list(chain(*read[:3])), list(chain(*read[3:]))
    assert sorted(one) == sorted(two) == list(range(N))
    assert one != two


def test_steps_may_end_within_an_epoch():
    by_steps = classifier()
    assert len(fit(by_steps, examples(), steps=4, batch=8).loss) == 4
    by_epochs = classifier()
    fit(by_epochs, examples(), epochs=2, batch=8, stop=lambda model, updates: updates == 4)
    assert same(by_steps, by_epochs)


def best_of():
    data = examples()

    def score(model):
        assert not model.training
        return functional.cross_entropy(model(data.x, data.lengths), data.y).item()

    return Best(score, every=3, patience=4)


def trained(checkpoint=None, *, stopped_after=None, with_generator=True):
    model, best = classifier(), best_of()

    def stop(model, updates):
        if updates == stopped_after:
            raise KeyboardInterrupt
        return best(model, updates)

    stop.state_dict, stop.load_state_dict = best.state_dict, best.load_state_dict
    history = fit(
        model,
        examples(),
        epochs=6,
        batch=8,
        lr=0.05,
        schedule=OneCycle(0.2),
        generator=torch.Generator().manual_seed(3) if with_generator else None,
        stop=stop,
        checkpoint=checkpoint,
    )
    return model, history, best


@pytest.mark.parametrize("with_generator", [False, True])
@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("stopped_after", [1, 3, 4, 5, 11, 17])
def test_a_stopped_run_ends_with_the_bits_of_one_that_was_not(
    tmp_path, stopped_after, every, with_generator
):
    whole, history, best = trained(with_generator=with_generator)
    checkpoint = Checkpoint(tmp_path / "run.pt", every=every)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint, stopped_after=stopped_after, with_generator=with_generator)
    torch.manual_seed(99)
    model, again, looks = trained(checkpoint, with_generator=with_generator)
    assert same(model, whole)
    assert again == history
    assert (looks.scores, looks.place) == (best.scores, best.place)
    looks.restore_(model)
    best.restore_(whole)
    assert same(model, whole)
    # Finished: nothing more is done, and nothing is counted twice.
    _, last, looks = trained(checkpoint, with_generator=with_generator)
    assert (last, looks.scores, looks.place) == (history, best.scores, best.place)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schedule": OneCycle(0.3)}, "schedule.one cycle 0.3, got 0.2"),
        ({"epochs": 7}, "schedule.steps 21, got 18"),
        ({"weight_decay": 0.1}, "weight_decay 0.1, got 0.0"),
        ({"schedule": lambda n: 1.0}, r"schedule \[1.0, 1.0.*\], got {'one cycle'"),
        ({"stop": best_of()}, r"others\[0\] 'stop', got 'nothing'|others\[1\]"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, changed, said):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    settings = {"epochs": 6, "batch": 8, "schedule": OneCycle(0.2), "checkpoint": checkpoint}
    fit(classifier(), examples(), **settings)
    with pytest.raises(ValueError, match=f"to be of a run with (.*; )?({said})"):
        fit(classifier(), examples(), **{**settings, **changed})


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    data = examples()
    fit(classifier(), data, epochs=1, checkpoint=checkpoint)
    data.x[0, 0, 0] += 1
    with pytest.raises(ValueError, match=r"to be of a run with task"):
        fit(classifier(), data, epochs=2, checkpoint=checkpoint)


def test_the_last_block_may_be_shorter():
    assert block_means([1.0, 2.0, 4.0, 6.0, 7.0], 2) == [1.5, 5.0, 7.0]
    assert block_means([], 2) == []


def test_epoch_means_weigh_the_last_batch_by_its_size():
    assert epoch_means([1.0, 2.0, 4.0, 3.0, 3.0, 3.0], 5, 2) == [(2 + 4 + 4) / 5, 3.0]
    assert epoch_means([1.0, 2.0, 4.0, 5.0], 2, 1) == [1.5, 4.5]
    assert epoch_means([], 5, 2) == []


def test_what_is_reported():
    told = []
    fit(classifier(), examples(), epochs=2, batch=16, report=told.append)
    assert [words.rpartition(",")[0] for words in told] == [
        f"epoch {epoch} of 2, update {update} of 4"
        for epoch, update in ((1, 1), (1, 2), (2, 3), (2, 4))
    ]
    told.clear()
    model = nn.Sequential(nn.Flatten(0), nn.Linear(6, 1))
    fit(model, FirstAndLast(3, 2), steps=1, batch=1, report=told.append)
    assert [words.split(",")[0] for words in told] == ["update 1 of 1"]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, TypeError, "either steps or epochs, got None and None"),
        ({"steps": 1, "epochs": 1}, TypeError, "either steps or epochs, got 1 and 1"),
        ({"epochs": -1}, ValueError, "epochs to be a whole number from 0 on, got -1"),
        ({"epochs": 1.5}, TypeError, "epochs to be a whole number"),
        ({"epochs": 1, "task": FirstAndLast(3)}, TypeError, "a task that draws, which has no epo"),
        ({"epochs": 1, "weight_decay": -1}, ValueError, "weight_decay to be a finite number"),
        ({"epochs": 1, "report": 3}, TypeError, "report to be callable or None, got int"),
        ({"epochs": 1, "schedule": OneCycle}, TypeError, "schedule"),
    ],
)
def test_arguments_that_cannot_be(given, error, said):
    model, start = classifier(), classifier()
    with pytest.raises(error, match=said):
        fit(model, **{"task": examples(), **given})
    assert same(model, start)


def test_no_examples_and_no_epochs():
    model, start = classifier(), classifier()
    data = examples()
    none = Sequences(data.x[:, :0], data.lengths[:0], data.y[:0])
    with pytest.raises(ValueError, match="at least one example, got none"):
        fit(model, none, epochs=1)
    assert fit(model, data, epochs=0).loss == []
    assert same(model, start)


@pytest.mark.parametrize("rise", [-0.1, 1.1, float("nan")])
def test_a_cycle_rises_in_a_share_of_it(rise):
    with pytest.raises(ValueError, match="rise to be a finite number, at least 0 and at most 1"):
        OneCycle(rise)
