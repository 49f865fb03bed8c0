"""Drawing the next token."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lstm_book.checks import check_number, check_whole


def draw(
    logits: Float[Tensor, "*B V"],
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*B"]:
    """Draw tokens from softmax(logits / temperature), or from its k most probable ones.

    Args:
        logits: Scores of the V tokens, or their log-probabilities.
        temperature: Above 1 evens the probabilities out, below 1 sharpens them; 0 takes the most
            probable token.
        top_k: How many tokens may be drawn; None for all.
        generator: Source of the draws.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the temperature is negative or not finite, or top_k is not from 1 to V.
        FloatingPointError: If there is no largest logit: one is NaN or +inf, or all are -inf.
    """
    V = logits.shape[-1]
    temperature = check_number("temperature", temperature, 0)
    if top_k is not None:
        check_whole("top_k", top_k, 1, V)
    if not logits.amax(dim=-1).isfinite().all():
        raise FloatingPointError("expected logits with a finite largest one, got NaN or infinity")
    if temperature == 0 or top_k == 1:
        return logits.argmax(dim=-1)
    # Below the largest first: a tiny temperature never gives inf - inf.
    scaled = (logits.double() - logits.max(dim=-1, keepdim=True).values) / temperature
    if top_k is not None:
        values, tokens = scaled.topk(top_k, dim=-1)
        scaled = torch.full_like(scaled, -torch.inf).scatter(-1, tokens, values)
    probabilities = scaled.softmax(dim=-1)
    drawn = torch.multinomial(probabilities.reshape(-1, V), 1, generator=generator)
    return drawn.reshape(logits.shape[:-1])
