"""What the models share: checked tokens, their vectors, the mask of padding."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.checks import check_shape, check_tensor, check_whole
from lstm_book.layers.lengths import check_lengths, valid_steps

Lengths = Tensor | list[int]


def check_tokens(
    name: str, tokens: object, dims: str, size: int, valid: Tensor | None = None
) -> Tensor:
    """Check tokens and put 0 where a sequence has ended.

    Args:
        name: What the caller knows them as.
        tokens: The candidate.
        dims: The dimensions' letters, such as "T B".
        size: How many different tokens there are.
        valid: True where a sequence has a step, of the tokens' shape; None if all have.

    Returns:
        The tokens as int64.

    Raises:
        TypeError: If they are no tensor of whole numbers.
        ValueError: If the number of dimensions is wrong.
        RuntimeError: If there is no time step.
        IndexError: If a token that is not padding is unknown.
    """
    tensor = check_tensor(name, tokens)
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"expected {name} to be whole numbers, got dtype {tensor.dtype}")
    letters = dims.split()
    if tensor.dim() != len(letters):
        raise ValueError(
            f"expected {name} of shape ({', '.join(letters)}), {len(letters)}-D, "
            f"got {tensor.dim()}-D of shape {tuple(tensor.shape)}"
        )
    if tensor.shape[letters.index("B") - 1] == 0:
        raise RuntimeError(
            f"expected {name} with at least one time step, got shape {tuple(tensor.shape)}"
        )
    tensor = tensor.to(torch.int64)
    if tensor.numel() == 0:
        return tensor
    if valid is not None:
        tensor = tensor.masked_fill(~valid, 0)
    low, high = (int(bound) for bound in tensor.aminmax())
    if low < 0 or high >= size:
        raise IndexError(
            f"expected {name} from 0 to {size - 1}, got {low if low < 0 else high}: unknown token"
        )
    return tensor


def mask_of(
    lengths: Lengths | None, T: int, B: int, device: torch.device
) -> tuple[Tensor | None, Tensor | None]:
    """Return checked lengths and where sequences have steps, (T, B); None without lengths."""
    if lengths is None:
        return None, None
    checked = check_lengths(lengths, T, B)
    return checked, valid_steps(checked.to(device), T)


class TokenVectors(nn.Module):
    """Turn tokens into vectors: a learned embedding, or one-hot without parameters."""

    def __init__(self, tokens: int, size: int | None) -> None:
        super().__init__()
        check_whole("a number of tokens", tokens, 1)
        if size is not None:
            check_whole("embedding", size, 1)
        self.tokens = tokens
        self.size = tokens if size is None else size
        self.embedding = None if size is None else nn.Embedding(tokens, size)

    def forward(self, tokens: Tensor, dtype: torch.dtype) -> Tensor:
        """Return vectors (…, size) for tokens (…)."""
        if self.embedding is None:
            return functional.one_hot(tokens, self.tokens).to(dtype)
        vectors: Tensor = self.embedding(tokens)
        return vectors


def sequence_cross_entropy(
    logits: Tensor, targets: Tensor, lengths: Lengths | None = None
) -> Tensor:
    """Return the mean cross-entropy over all steps that are no padding, in nats.

    Args:
        logits: (T, B, C).
        targets: The right class of each step, (T, B).
        lengths: How many steps each sequence has, (B,); None if all have T.

    Raises:
        TypeError: If targets or lengths are no whole numbers.
        ValueError: If a number of dimensions is wrong.
        RuntimeError: If sizes differ, or a length is out of range.
        IndexError: If a target that is no padding is no class.

    >>> logits = torch.tensor([[[0.0, 0.0]], [[9.0, -9.0]]])  # two steps of one sequence
    >>> loss = sequence_cross_entropy(logits, torch.tensor([[0], [1]]), lengths=[1])
    >>> round(loss.item(), 4)  # the first step alone: ln 2
    0.6931
    """
    T, B, C = check_shape("logits", logits, "T B C", (None,) * 3).shape
    check_shape("targets", targets, "T B", (T, B))
    if not logits.is_floating_point():
        raise RuntimeError(f"expected logits of floating-point numbers, got {logits.dtype}")
    _, valid = mask_of(lengths, T, B, logits.device)
    targets = check_tokens("targets", targets, "T B", C, valid)
    if valid is None:
        return functional.cross_entropy(logits.reshape(-1, C), targets.reshape(-1))
    return functional.cross_entropy(logits[valid], targets[valid])
