"""How much memory a computation needs at once."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lstm_book.checks import check_tensor


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts, while it is entered, the bytes of the tensors that live at the same time.

    ``with PeakMemory(x, *model.parameters()) as memory: model(x).sum().backward()`` counts what the
    two passes add to the input and the weights. It sees the tensors of torch's operations, on any
    device, but not the scratch space inside one operation.

    Attributes:
        now: The bytes of the tensors that live now.
        peak: The most that lived at once.

    Args:
        before: Tensors that do not count, because they are there anyway.

    Raises:
        TypeError: If one of them is no tensor.
    """

    def __init__(self, *before: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.kept = [check_tensor("before", tensor).untyped_storage() for tensor in before]
        self.known = {storage._cdata for storage in self.kept}

    def __torch_dispatch__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        """Run an operation and count the storages that its results bring."""
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.known:
                    self.known.add(storage._cdata)
                    self.now += storage.nbytes()
                    weakref.finalize(storage, self.free, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.now)
        return result

    def free(self, name: int, size: int) -> None:
        """Note that a storage is gone."""
        self.known.discard(name)
        self.now -= size
