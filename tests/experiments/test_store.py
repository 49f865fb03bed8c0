"""What is stored is what was measured, and it says when it is out of date."""

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from threading import Event, Thread

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lstm_book import files
from lstm_book.experiments import (
    EXPERIMENTS,
    Experiment,
    Outcome,
    confirm_experiment,
    load_experiment,
    run_experiment,
)
from lstm_book.experiments.record import as_json
from lstm_book.experiments.run import confirm, run
from lstm_book.experiments.store import StoredRun, read
from lstm_book.files import locked

FAILS = 1000
trained: list[int] = []


@dataclass(frozen=True, kw_only=True)
class Draw(Experiment):
    """A linear layer whose weights a seed draws."""

    size: int = 3

    def build(self):
        return nn.Linear(self.size, 1)

    def train(self, seed, report):
        trained.append(seed)
        if seed == FAILS:
            raise FloatingPointError("diverged")
        torch.manual_seed(seed)
        model = self.build()
        report("half way")
        return Outcome({"weight": model.weight.tolist(), "pair": (1, 2)}, model)

    def first_losses(self, seed):
        return [[seed + 0.5]]  # without training, so that `trained` counts the others


def other_code(self, seed):
    return [[seed + 0.6]]


@pytest.fixture
def draw():
    trained.clear()
    return Draw(name="draw", about="draws weights", seeds=(3, 4))


def test_every_seed_is_stored_with_what_made_it(draw, tmp_path):
    stored = run(draw, tmp_path / "new" / "folder")
    record = json.loads((tmp_path / "new" / "folder" / "draw.json").read_text())
    assert len(record.pop("sha256")) == 64
    assert record == stored.record
    assert [result["seed"] for result in record["results"]] == [3, 4]
    assert record["configuration"] == {"name": "draw", "size": 3}
    assert record["command"] == "lstm-book run draw"
    assert record["versions"]["torch"] == version("torch")  # of the package, no local label
    assert stored.values("pair") == [[1, 2], [1, 2]]
    assert stored.values("weight")[0] != stored.values("weight")[1]
    for words in ("draw: draws weights", "3, 4", "lstm-book run draw", version("torch")):
        assert words in stored.provenance


def test_the_first_seeds_weights_come_back(draw, tmp_path):
    run(draw, tmp_path, seeds=[4, 3])
    model = read(draw, tmp_path).model
    assert model.weight.tolist() == read(draw, tmp_path).results[0]["weight"]
    assert not model.training
    assert load_file(tmp_path / "draw.safetensors")["weight"].tolist() == model.weight.tolist()


def test_weights_of_another_run_are_refused(draw, tmp_path):
    run(draw, tmp_path)
    other = run(replace(draw, seeds=(9,)), tmp_path / "other")
    content = (other.folder / "draw.safetensors").read_bytes()
    (tmp_path / "draw.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"draw.safetensors with sha256 \w+, got other") as e:
        _ = read(draw, tmp_path).model
    assert hashlib.sha256(content).hexdigest() not in str(e.value)
    (tmp_path / "draw.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"draw.safetensors beside .*draw.json"):
        _ = read(draw, tmp_path).model


def test_no_weights_are_an_error_that_says_so(draw, tmp_path):
    stored = run(draw, tmp_path, seeds=[4])  # not the first seed
    with pytest.raises(LookupError, match="draw: expected stored weights"):
        _ = stored.model


def test_weights_that_nobody_reads_are_not_kept(draw, tmp_path):
    stored = run(replace(draw, kept=False), tmp_path, seeds=[3])
    assert stored.changes() == []
    assert [path.name for path in tmp_path.glob("draw.*")] == ["draw.json"]
    with pytest.raises(LookupError, match="draw: expected stored weights"):
        _ = stored.model


def test_a_run_goes_on_where_it_stopped(draw, tmp_path):
    with pytest.raises(FloatingPointError):
        run(replace(draw, seeds=(3, 4, FAILS)), tmp_path)
    assert len(read(draw, tmp_path).results) == 2
    trained.clear()
    run(draw, tmp_path, seeds=[3, 5, 4, 5])
    assert trained == [5]
    assert [result["seed"] for result in read(draw, tmp_path).results] == [3, 4, 5]


def test_seeds_of_other_settings_or_versions_are_refused_and_stay(draw, tmp_path, monkeypatch):
    run(draw, tmp_path)
    before = content(tmp_path)
    trained.clear()
    with pytest.raises(
        ValueError,
        match=r"draw.json .* but setting size is 3 there and 4 here; choose another folder",
    ):
        run(replace(draw, size=4), tmp_path, seeds=[5])
    monkeypatch.setattr("lstm_book.experiments.record.version", lambda name: "9.9")
    with pytest.raises(ValueError, match=r"but torch is 2\S+ there and 9.9 here"):
        run(draw, tmp_path)
    assert trained == []
    assert content(tmp_path) == before


def test_seeds_that_another_process_added_meanwhile_are_kept(draw, tmp_path, monkeypatch):
    """And a record of other settings that came meanwhile is not overwritten."""
    meanwhile = []
    inside = Draw.train

    def train(self, seed, report):
        while meanwhile:
            other, seeds = meanwhile.pop()
            run(other, tmp_path, seeds=seeds, keep_every_seed=True)
        return inside(self, seed, report)

    monkeypatch.setattr(Draw, "train", train)
    meanwhile.append((draw, [5, 6]))
    stored = run(draw, tmp_path, keep_every_seed=True)
    assert stored.values("seed") == [3, 4, 5, 6]
    for seed, result in zip((3, 4, 5, 6), stored.results, strict=True):
        assert stored.model_of(seed).weight.tolist() == result["weight"]
    assert [each["seed"] for each in stored.record["more_weights"]] == [4, 5, 6]
    other = replace(draw, name="other")
    meanwhile.append((replace(other, size=4), [5]))
    with pytest.raises(ValueError, match="setting size is 4 there and 3 here"):
        run(other, tmp_path)
    assert read(replace(other, size=4), tmp_path).values("seed") == [5]


def test_a_seed_that_another_trains_is_waited_for(draw, tmp_path):
    held, waited, said = Event(), Event(), []

    def hold():
        with locked(tmp_path / "draw-3"):
            held.set()
            waited.wait()

    def report(words):
        said.append(words)
        if "waiting" in words:
            waited.set()

    thread = Thread(target=hold)
    thread.start()
    held.wait()
    run(draw, tmp_path, seeds=[3], report=report)
    thread.join()
    assert said[0] == "seed 3: another process trains it, waiting\n"
    assert said[-1].startswith("seed 3: done")


def test_what_a_killed_process_left_is_gone_after_the_next(draw, tmp_path):
    run(draw, tmp_path)
    left = [".draw.json.lock", ".draw-3.lock", "draw-3.checkpoint", ".draw-4.checkpoint.part"]
    for name in left:
        (tmp_path / name).touch()
    run(draw, tmp_path)
    assert sorted(content(tmp_path)) == ["draw.json", "draw.safetensors"]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"\x00" * len(whole),
        lambda whole: b"\xff\xfe" + whole,
        lambda whole: b"[" * 100_000,
        lambda whole: b"[]",
        lambda whole: b"3",
        lambda whole: b"{}",
        lambda whole: b'{"results": {}, "configuration": 3}',
        lambda whole: whole.replace(b'"sha256"', b'"sha255"'),
        lambda whole: whole.replace(b'"seconds"', b'"secondr"'),
        lambda whole: whole.replace(b"[1, 2]", b"[1, 3]"),
        lambda whole: whole.replace(b'"size": 3', b'"size": 2'),
    ],
)
def test_a_damaged_record_is_named_and_stays(draw, tmp_path, damage):
    run(draw, tmp_path)
    path = tmp_path / "draw.json"
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    trained.clear()
    for call in (read, run, confirm):
        with pytest.raises(
            ValueError,
            match=rf"draw.json to be what `lstm-book run draw` wrote, got {len(damaged)} bytes",
        ):
            call(draw, tmp_path)
    assert path.read_bytes() == damaged
    assert trained == []


def test_the_record_of_another_experiment_is_refused(draw, tmp_path):
    run(replace(draw, name="other"), tmp_path)
    (tmp_path / "other.json").rename(tmp_path / "draw.json")
    with pytest.raises(ValueError, match=r"draw.json .* it is of 'other'"):
        read(draw, tmp_path)


def test_how_a_record_is_laid_out_does_not_count(draw, tmp_path):
    before = run(draw, tmp_path).record
    path = tmp_path / "draw.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=7, sort_keys=True))
    assert read(draw, tmp_path).record == before


@pytest.mark.parametrize(
    "file",
    ["{}/secret", "../secret", "a/../secret", "..", ".", "", "..\\secret", "C:secret", 3, None],
)
@pytest.mark.parametrize("which", ["weights", "more_weights"])
def test_a_record_names_bare_files_only(draw, tmp_path, file, which):
    secret = tmp_path / "secret"
    secret.write_bytes(b"what nobody is to know")
    stored = run(draw, tmp_path / "runs", keep_every_seed=True)
    if isinstance(file, str):
        file = file.format(tmp_path)
    weights = {"file": file, "seed": 3, "sha256": "0"}
    record = {**stored.record, which: weights if which == "weights" else [weights]}
    forged = as_json(record)  # with a digest that is right
    stored.path.write_bytes(forged)
    with pytest.raises(
        ValueError, match=r"draw.json .*(bare name of a file|weights with file)"
    ) as e:
        read(draw, tmp_path / "runs")
    assert hashlib.sha256(secret.read_bytes()).hexdigest() not in str(e.value)
    with pytest.raises(ValueError, match=r"bare name of a file|weights with file"):
        StoredRun(draw, record, tmp_path)


def test_what_is_no_stored_run_is_refused(draw, tmp_path):
    record = run(draw, tmp_path).record
    for arguments in (("draw", record, tmp_path), (draw, [], tmp_path), (draw, record, 3)):
        with pytest.raises(TypeError, match="expected the "):
            StoredRun(*arguments)
    for change in ({"results": []}, {"results": [3]}, {"versions": None}, {"more_weights": 3}):
        with pytest.raises(ValueError, match="expected "):
            StoredRun(draw, {**record, **change}, tmp_path)


@pytest.mark.parametrize("step", ["weights", "record"])
def test_a_failed_write_leaves_the_old_files(draw, tmp_path, monkeypatch, step):
    run(draw, tmp_path, seeds=[4])
    before = content(tmp_path)
    inside = files.os.replace

    def full(part, path):
        if path.suffix == {"weights": ".safetensors", "record": ".json"}[step]:
            raise OSError("disk full")
        inside(part, path)

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        run(draw, tmp_path)
    after = content(tmp_path)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {"draw.safetensors"}  # which no record names
    monkeypatch.undo()
    assert run(draw, tmp_path).model is not None


def test_changed_settings_are_named(draw, tmp_path):
    assert run(draw, tmp_path).changes() == []
    assert read(replace(draw, size=4, about="other words"), tmp_path).changes() == ["setting size"]


def test_no_seed_is_added_to_those_of_other_code(draw, tmp_path, monkeypatch):
    run(draw, tmp_path)
    before = content(tmp_path)
    monkeypatch.setattr(Draw, "first_losses", other_code)
    run(draw, tmp_path)  # all there already
    with pytest.raises(ValueError, match=r"loss 1 of seed 3 was 3.5 and is 3.6; choo"):
        run(draw, tmp_path, seeds=[3, 5])
    assert trained == [3, 4]
    assert content(tmp_path) == before


def test_confirming_marks_the_run_as_todays(draw, tmp_path):
    stored = run(draw, tmp_path)
    stored.path.write_bytes(as_json({**stored.record, "machine": "another"}))
    trained.clear()
    before = content(tmp_path)
    assert confirm(draw, tmp_path) == []
    assert content(tmp_path) == before  # nobody asked to mark it
    assert confirm(draw, tmp_path, mark=True) == []
    assert trained == [3, 3]
    confirmed = read(draw, tmp_path)
    assert confirmed.record["machine"] == stored.record["machine"]
    assert confirmed.record["confirmed"] == stored.record["date"]
    assert len(confirmed.results) == 2
    assert confirmed.model.weight.shape == (1, 3)


def test_a_run_of_other_code_is_not_confirmed(draw, tmp_path, monkeypatch):
    run(draw, tmp_path)
    before = content(tmp_path)
    monkeypatch.setattr(Draw, "first_losses", other_code)
    assert confirm(draw, tmp_path, mark=True) == ["first_losses"]
    assert content(tmp_path) == before


def test_what_comes_out_otherwise_is_not_confirmed(draw, tmp_path):
    stored = run(draw, tmp_path)
    stored.record["results"][0]["pair"] = [1, 7]
    stored.path.write_bytes(as_json(stored.record))
    before = content(tmp_path)
    assert confirm(draw, tmp_path, mark=True) == ["pair"]
    assert content(tmp_path) == before


def test_a_run_of_other_settings_is_not_confirmed(draw, tmp_path):
    run(draw, tmp_path)
    with pytest.raises(ValueError, match="setting size is 3 there and 4 here"):
        confirm(replace(draw, size=4), tmp_path)


@pytest.mark.parametrize(
    ("seeds", "error", "said"),
    [
        ([-1], ValueError, "a seed to be a whole number from 0"),
        ([2**32], ValueError, "a seed to be a whole number from 0"),
        ([], ValueError, "one seed or more, got none"),
        ([0.5], TypeError, "a seed to be a whole number, got float"),
        ([True], TypeError, "a seed to be a whole number"),
        ("34", TypeError, "a seed to be a whole number, got str"),
        (3, TypeError, "seeds to be whole numbers, got int"),
    ],
)
def test_seeds_are_whole_numbers(draw, tmp_path, seeds, error, said):
    with pytest.raises(error, match=said):
        run(draw, tmp_path / "new", seeds=seeds)
    assert not (tmp_path / "new").exists()


def test_arguments_are_checked_before_anything_is_trained(draw, tmp_path):
    stored = run(draw, tmp_path, keep_every_seed=True)
    trained.clear()
    for call in (run, confirm):
        with pytest.raises(TypeError, match="expected report to be callable, got str"):
            call(draw, tmp_path, report="words")
    with pytest.raises(TypeError, match="expected mark to be True or False, got str"):
        confirm(draw, tmp_path, mark="yes")
    with pytest.raises(TypeError, match="expected seed to be a whole number, got str"):
        stored.model_of("3")
    with pytest.raises(LookupError, match="expected stored weights"):
        stored.model_of(5)
    with pytest.raises(ValueError, match=r"expected seeds among \[3, 4\], got \[5\]"):
        stored.replay([3, 5])
    assert trained == []


def test_folders_may_be_text_and_nothing_else(draw, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "draw", draw)
    run_experiment("draw", str(tmp_path), seeds=np.arange(3, 4))
    assert load_experiment("draw", str(tmp_path)).model is not None
    assert confirm_experiment("draw", str(tmp_path)) == []
    for call in (load_experiment, run_experiment, confirm_experiment):
        with pytest.raises(TypeError, match="expected folder to be a path or text, got int"):
            call("draw", 3)
        with pytest.raises(TypeError, match="the name of an experiment to be text, got int"):
            call(3, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected draw.json, got no such file in .*draw"):
        load_experiment("draw", tmp_path / "draw.json")
    for folder in (tmp_path / "draw.json", tmp_path / "draw.json" / "new"):
        with pytest.raises(NotADirectoryError, match="Not a directory"):
            run_experiment("draw", folder)


def test_unknown_names_and_missing_runs(draw, tmp_path):
    with pytest.raises(KeyError, match=r"the name of an experiment, such as "):
        load_experiment("addition")
    with pytest.raises(FileNotFoundError, match="lstm-book run addition-reversed"):
        load_experiment("addition-reversed", tmp_path)
    with pytest.raises(KeyError, match="expected a metric among"):
        run(draw, tmp_path).values("accuracy")


def test_names_are_those_of_the_catalogue():
    assert all(name == experiment.name for name, experiment in EXPERIMENTS.items())
