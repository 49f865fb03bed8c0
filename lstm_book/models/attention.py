"""Attention: looking back at every step of the source."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class DotScore(nn.Module):
    """Score a source step by the inner product of its state with the query :cite:p:`luong2015`."""

    def forward(
        self, query: Float[Tensor, "T B H"], memory: Float[Tensor, "S B H"]
    ) -> Float[Tensor, "T B S"]:
        """Return q_t · m_s for every pair."""
        return torch.einsum("tbh,sbh->tbs", query, memory)


class AdditiveScore(nn.Module):
    """Score by v · tanh(W q_t + V m_s), with weights of its own :cite:p:`bahdanau2015`."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)
        self.memory = nn.Linear(hidden_size, hidden_size)
        self.v = nn.Linear(hidden_size, 1, bias=False)

    def forward(
        self, query: Float[Tensor, "T B H"], memory: Float[Tensor, "S B H"]
    ) -> Float[Tensor, "T B S"]:
        """Return the score of every pair."""
        sums = self.query(query)[:, None] + self.memory(memory)[None]  # (T, S, B, H)
        scores: Tensor = self.v(sums.tanh()).squeeze(-1).transpose(1, 2)
        return scores


def attend(
    scores: Float[Tensor, "T B S"],
    memory: Float[Tensor, "S B H"],
    valid: Bool[Tensor, "S B"] | None = None,
) -> tuple[Float[Tensor, "T B H"], Float[Tensor, "T B S"]]:
    """Mix the source's states by the softmax of their scores; padding has weight 0.

    Returns:
        The mixtures, and the weights, which sum to 1 over S.
    """
    if valid is not None:
        scores = scores.masked_fill(~valid.T, -torch.inf)
    weights = scores.softmax(dim=-1)
    return torch.einsum("tbs,sbh->tbh", weights, memory), weights
