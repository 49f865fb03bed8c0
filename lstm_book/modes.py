"""Run a model in evaluation mode without touching its own."""

import copy
import types
from typing import Any, TypeVar, cast

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def evaluation_twin(model: M) -> M:
    """Return a model in evaluation mode that has this one's parameters, buffers and hooks.

    The modes of the model and of all its submodules are never touched, so that threads can run or
    train it meanwhile. Nothing that holds numbers is copied. A model that is in evaluation mode
    throughout is its own twin; otherwise the module that a hook is given, and the attributes that
    `forward` assigns, are the twin's.

    Args:
        model: Any module; what `torch.compile` made runs uncompiled, what TorchScript made is
            copied.

    Returns:
        The twin, to be run and not to be changed.
    """
    if not any(module.training for module in model.modules()):
        return model
    twins: dict[int, nn.Module] = {}
    _add_twin(model, twins)
    for twin in twins.values():
        if not isinstance(twin, torch.jit.ScriptModule):
            vars(twin).update({name: _refer(value, twins) for name, value in vars(twin).items()})
    return cast(M, twins[id(model)])


def _add_twin(module: nn.Module, twins: dict[int, nn.Module]) -> nn.Module:
    """Make the twin of a module and of its submodules; one that is there twice has one twin."""
    if id(module) in twins:
        return twins[id(module)]
    twin: nn.Module
    if isinstance(module, torch.jit.ScriptModule):
        twin = copy.deepcopy(module).eval()
    elif isinstance(compiled := module._modules.get("_orig_mod"), nn.Module):
        twin = _add_twin(compiled, twins)
    else:
        twin = twins[id(module)] = object.__new__(type(module))
        # Not .eval(): a module may have one of its own that changes weights in place.
        vars(twin).update(vars(module), training=False, _compiled_call_impl=None)
        vars(twin)["_modules"] = {
            name: None if part is None else _add_twin(part, twins)
            for name, part in module._modules.items()
        }
    twins[id(module)] = twin
    return twin


def _refer(value: Any, twins: dict[int, nn.Module]) -> Any:
    """Let what refers to modules refer to their twins."""
    if isinstance(value, nn.Module):
        return twins.get(id(value), value)
    if isinstance(value, types.MethodType) and id(value.__self__) in twins:
        return types.MethodType(value.__func__, twins[id(value.__self__)])
    if type(value) in (list, tuple) and any(isinstance(part, nn.Module) for part in value):
        return type(value)(_refer(part, twins) for part in value)
    if type(value) is dict and any(isinstance(part, nn.Module) for part in value.values()):
        return {key: _refer(part, twins) for key, part in value.items()}
    return value
