"""Peepholes and coupled gates against an implementation that is not ours: ONNX Runtime."""

import pytest
import torch
from variants_cases import CASES, run

D, H = 3, 5


def run_onnx(cell, x, h_0, c_0, *, coupled):
    """Run one ONNX LSTM node: gates i, o, f, c; peepholes i, o, f. Returns (Y, Y_h, Y_c)."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    def stacked(name):
        blocks = dict(zip(cell.rows, getattr(cell, name).detach().chunk(cell.gates), strict=True))
        # The forget rows are there in ONNX even if nothing reads them.
        blocks.setdefault("f", torch.full_like(blocks["i"], 7.0))
        return torch.cat([blocks[gate] for gate in "iofg"])

    constants = {
        "W": stacked("weight_ih"),
        "R": stacked("weight_hh"),
        "B": torch.cat([stacked("bias_ih"), stacked("bias_hh")]),
        "h_0": h_0,
        "c_0": c_0,
    }
    if hasattr(cell, "weight_ch"):
        gates = cell.rows.replace("g", "")
        p = dict(zip(gates, cell.weight_ch.detach().chunk(len(gates)), strict=True))
        constants["P"] = torch.cat([p.get(gate, torch.full((H,), 7.0)) for gate in "iof"])
    node = helper.make_node(
        "LSTM",
        ["X", "W", "R", "B", "", "h_0", "c_0", "P" if "P" in constants else ""],
        ["Y", "Y_h", "Y_c"],
        hidden_size=H,
        input_forget=int(coupled),
    )
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, list(x.shape))],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"{name}{k}" for k in range(n)])
            for name, n in (("Y", 4), ("Y_h", 3), ("Y_c", 3))
        ],
        [numpy_helper.from_array(v[None].numpy(), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    Y, Y_h, Y_c = (torch.as_tensor(v) for v in session.run(None, {"X": x.numpy()}))
    return Y[:, 0], Y_h[0], Y_c[0]


@pytest.mark.parametrize(
    ("name", "coupled"),
    [
        ("peephole", False),
        ("greff-V", False),
        ("greff-NP", False),
        ("greff-CIFG", True),
        ("coupled", True),
    ],
)
def test_variant_against_onnx_runtime(name, coupled):
    torch.manual_seed(2002)
    cell = CASES[name].build(D, H, dtype=torch.float32)
    x, h_0, c_0 = torch.randn(9, 4, D), torch.rand(4, H), torch.randn(4, H)
    done = run(cell, x, cell.state_type(h_0, c_0))
    Y, Y_h, Y_c = run_onnx(cell, x, h_0, c_0, coupled=coupled)
    torch.testing.assert_close(done.states.h, Y, rtol=0, atol=2e-6)
    torch.testing.assert_close(done.states.h[-1], Y_h, rtol=0, atol=2e-6)
    torch.testing.assert_close(done.states.c[-1], Y_c, rtol=0, atol=5e-6)
