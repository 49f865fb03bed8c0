"""States and gates as things to keep: apart from each other, saved, loaded, copied."""

import copy
import io
import pickle
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn
from torch.utils import _pytree
from variants_cases import CASES, every_case, fields

import lstm_book.cells
from lstm_book.cells import LSTMCell, LSTMState

RECORDS = [
    value
    for name in lstm_book.cells.__all__
    if isinstance(value := getattr(lstm_book.cells, name), type) and issubclass(value, tuple)
]


@pytest.mark.parametrize("build", [LSTMCell, *{case.cls: None for case in CASES.values()}])
def test_the_tensors_of_a_first_state_are_each_their_own(build):
    cell, x = build(3, 4), torch.randn(2, 3)
    tensors = fields(cell.zero_state(x))
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors)
    tensors[0].fill_(7.0)
    assert all((tensor != 7.0).all() for tensor in tensors[1:])


def test_the_gates_of_full_recurrence_start_apart():
    cell = lstm_book.cells.GreffLSTMCell(3, 4, variant="FGR")
    tensors = cell.zero_state(torch.zeros(2, 3))
    assert len({tensor.data_ptr() for tensor in tensors}) == 5


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_loaded_by_default(record):
    kept = record(*(torch.randn(2, 3) for _ in record._fields))
    file = io.BytesIO()
    torch.save({"hidden": kept}, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)["hidden"]
    assert type(loaded) is record
    torch.testing.assert_close(tuple(loaded), tuple(kept), rtol=0, atol=0)


def test_a_state_is_loaded_where_only_the_package_was_imported(tmp_path):
    torch.save(LSTMState(torch.zeros(1), torch.ones(1)), tmp_path / "state.pt")
    code = "import sys, torch, lstm_book; print(torch.load(sys.argv[1]))"
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "state.pt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == "LSTMState(h=tensor([0.]), c=tensor([1.]))", run.stderr


@every_case
def test_a_state_is_copied_pickled_and_flattened(case):
    cell = case.build()
    state = cell(torch.zeros(2, 2, dtype=torch.float64))
    for again in (
        copy.deepcopy(cell.zero_state(torch.zeros(2, 2))),
        pickle.loads(pickle.dumps(state)),
    ):
        assert type(again) is type(state)
    leaves, spec = _pytree.tree_flatten(state)
    assert len(leaves) == len(fields(state))
    assert type(_pytree.tree_unflatten(leaves, spec)) is type(state)


@every_case
def test_a_cell_is_copied_and_pickled(case):
    cell, x = case.build().eval(), torch.randn(2, 2, dtype=torch.float64)
    for again in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        torch.testing.assert_close(fields(again(x)), fields(cell(x)), rtol=0, atol=0)


def test_dynamic_quantisation_of_a_model_leaves_cells_as_they_are():
    model = nn.ModuleDict({"cell": LSTMCell(3, 4), "out": nn.Linear(4, 2)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all of it is deprecated
        quantised = torch.ao.quantization.quantize_dynamic(model)
    assert type(quantised["cell"]) is LSTMCell
    assert type(quantised["out"]) is not nn.Linear
    x = torch.randn(2, 3)
    torch.testing.assert_close(tuple(quantised["cell"](x)), tuple(model["cell"](x)))
