"""What is stored is what was measured, and it says when it is out of date."""

import json
from dataclasses import dataclass, replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lstm_book.experiments import EXPERIMENTS, Experiment, Outcome, load_experiment
from lstm_book.experiments.command import main
from lstm_book.experiments.store import StoredRun, confirm, read, run

trained: list[int] = []


@dataclass(frozen=True, kw_only=True)
class Draw(Experiment):
    """A linear layer whose weights a seed draws."""

    size: int = 3
    fails_at: int | None = None

    def build(self):
        return nn.Linear(self.size, 1)

    def train(self, seed, report):
        trained.append(seed)
        if seed == self.fails_at:
            raise FloatingPointError("diverged")
        torch.manual_seed(seed)
        model = self.build()
        report("half way")
        return Outcome({"weight": model.weight.tolist(), "pair": (1, 2)}, model)

    def first_losses(self, seed):
        return [seed + 0.5]  # without training, so that `trained` counts the others


@pytest.fixture
def draw():
    trained.clear()
    return Draw(name="draw", about="draws weights", seeds=(3, 4))


def test_every_seed_is_stored_with_what_made_it(draw, tmp_path):
    stored = run(draw, tmp_path / "new" / "folder")
    record = json.loads((tmp_path / "new" / "folder" / "draw.json").read_text())
    assert record == stored.record
    assert [result["seed"] for result in record["results"]] == [3, 4]
    assert record["configuration"] == {"name": "draw", "size": 3, "fails_at": None}
    assert record["command"] == "lstm-book run draw"
    assert record["versions"]["torch"] == torch.__version__
    assert stored.values("pair") == [[1, 2], [1, 2]]
    assert stored.values("weight")[0] != stored.values("weight")[1]
    for words in ("draw: draws weights", "3, 4", "lstm-book run draw", torch.__version__):
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
    with pytest.raises(RuntimeError, match=r"expected draw.safetensors with sha256 \w+, got"):
        _ = read(draw, tmp_path).model


def test_no_weights_are_an_error_that_says_so(draw, tmp_path):
    stored = run(draw, tmp_path, seeds=[4])  # not the first seed
    with pytest.raises(LookupError, match="draw: expected stored weights"):
        _ = stored.model


def test_a_run_goes_on_where_it_stopped(draw, tmp_path):
    with pytest.raises(FloatingPointError):
        run(replace(draw, fails_at=4), tmp_path)
    assert len(read(replace(draw, fails_at=4), tmp_path).results) == 1
    trained.clear()
    run(replace(draw, fails_at=None), tmp_path)  # another setting: all anew
    assert trained == [3, 4]
    trained.clear()
    run(draw, tmp_path, seeds=[3, 4, 5])
    assert trained == [5]
    assert [result["seed"] for result in read(draw, tmp_path).results] == [3, 4, 5]


def test_a_failed_write_leaves_the_old_file(draw, tmp_path, monkeypatch):
    run(draw, tmp_path, seeds=[3])
    before = (tmp_path / "draw.json").read_bytes()
    monkeypatch.setattr("lstm_book.experiments.store.os.replace", _full)
    with pytest.raises(OSError, match="disk full"):
        run(draw, tmp_path)
    assert (tmp_path / "draw.json").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"draw.json", "draw.safetensors"}


def _full(*_):
    raise OSError("disk full")


def other_code(self, seed):
    return [seed + 0.6]


def test_changed_settings_are_named(draw, tmp_path):
    assert run(draw, tmp_path).changes() == []
    assert read(replace(draw, size=4, about="other words"), tmp_path).changes() == ["setting size"]


def test_seeds_of_other_code_are_not_kept(draw, tmp_path, monkeypatch):
    run(draw, tmp_path)
    monkeypatch.setattr(Draw, "first_losses", other_code)
    trained.clear()
    run(draw, tmp_path)
    assert trained == [3, 4]


def test_confirming_marks_the_run_as_todays(draw, tmp_path):
    run(draw, tmp_path)
    path = tmp_path / "draw.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "machine": "an old one"}))
    trained.clear()
    assert confirm(draw, tmp_path) == []
    assert trained == [3]
    confirmed = read(draw, tmp_path)
    assert confirmed.record["machine"] != "an old one"
    assert confirmed.record["confirmed"] == confirmed.record["date"]
    assert len(confirmed.results) == 2
    assert confirmed.model.weight.shape == (1, 3)


def test_a_run_of_other_code_is_not_confirmed(draw, tmp_path, monkeypatch):
    run(draw, tmp_path)
    before = (tmp_path / "draw.json").read_bytes()
    monkeypatch.setattr(Draw, "first_losses", other_code)
    assert confirm(draw, tmp_path) == ["first_losses"]
    assert (tmp_path / "draw.json").read_bytes() == before


def test_what_comes_out_otherwise_is_not_confirmed(draw, tmp_path):
    run(draw, tmp_path)
    path = tmp_path / "draw.json"
    path.write_text(
        path.read_text().replace('"pair": [\n    1,\n    2', '"pair": [\n    1,\n    7')
    )
    record = json.loads(path.read_text())
    record["results"][0]["pair"] = [1, 7]
    path.write_text(json.dumps(record))
    before = path.read_bytes()
    assert confirm(draw, tmp_path) == ["pair"]
    assert path.read_bytes() == before


def test_unknown_names_and_missing_runs(draw, tmp_path):
    with pytest.raises(KeyError, match=r"the name of an experiment, such as "):
        load_experiment("addition")
    with pytest.raises(FileNotFoundError, match="lstm-book run addition-reversed"):
        load_experiment("addition-reversed", tmp_path)
    with pytest.raises(KeyError, match="expected a metric among"):
        run(draw, tmp_path).values("accuracy")


def test_the_command_lists_runs_and_confirms(draw, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(EXPERIMENTS, "draw", draw)
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in EXPERIMENTS)
    assert main(["run", "draw", "--seeds", "3", "--folder", str(tmp_path)]) == 0
    assert "seed 3: done" in capsys.readouterr().out
    assert isinstance(load_experiment("draw", tmp_path), StoredRun)
    assert main(["confirm", "draw", "--folder", str(tmp_path)]) == 0
    assert "the same to the last digit" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["run", "no-such"])


def test_names_are_those_of_the_catalogue():
    assert all(name == experiment.name for name, experiment in EXPERIMENTS.items())
