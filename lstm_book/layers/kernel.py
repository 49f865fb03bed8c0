"""PyTorch's kernel for one direction of one layer of an LSTM: the one place where it is run."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_book.cells import LSTMState, Weights
from lstm_book.cells.weights import Direction, read_tensor
from lstm_book.checks import check_tensor


def kernel_weights(lstm: nn.LSTM, layer: int, direction: Direction) -> list[Tensor]:
    """Return the weights of one direction of one layer as the kernel takes them.

    They are W, U, b_ih and b_hh if there are biases, and those of the projection if there is one.
    """
    names = ["weight_ih", "weight_hh"] + (["bias_ih", "bias_hh"] if lstm.bias else [])
    names += ["weight_hr"] if lstm.proj_size else []
    stem = f"_l{layer}{'_reverse' if direction == 'backward' else ''}"
    return [check_tensor(name + stem, read_tensor(lstm, name + stem)) for name in names]


def has_projection(weights: list[Tensor]) -> bool:
    """Whether the last of the kernel's weights are those of a projection."""
    return len(weights) % 2 == 1


def summed(weights: list[Tensor]) -> Weights:
    """Return the kernel's weights as the equations have them, with one bias."""
    W, U, *biases = weights[: len(weights) // 2 * 2]
    return Weights(W, U, biases[0] + biases[1] if biases else None)


def run_kernel(
    weights: list[Tensor], x: Tensor, initial: LSTMState, lengths: Tensor | None
) -> tuple[Tensor, LSTMState]:
    """Return the hidden states of one direction of one layer and its last state.

    The steps are those of x, in this order, whatever the direction. Autograd may follow.
    """
    biases = len(weights) >= 4
    # Without dropout, training mode changes nothing but that cuDNN can go backward.
    train = torch.is_grad_enabled()
    if lengths is None or len(lengths) == 0:  # an empty batch cannot be packed
        state = (initial.h[None], initial.c[None])
        h, h_n, c_n = torch.lstm(x, state, weights, biases, 1, 0.0, train, False, False)
        return h, LSTMState(h_n[0], c_n[0])
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    state = (initial.h[None, order], initial.c[None, order])
    data, h_n, c_n = torch.lstm(
        packed.data, packed.batch_sizes, state, weights, biases, 1, 0.0, train, False
    )
    h = pad_packed_sequence(packed._replace(data=data), total_length=len(x))[0]
    return h, LSTMState(h_n[0, back], c_n[0, back])


def reverse_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return each sequence from its last own step to its first; padding stays behind."""
    if lengths is None:
        return x.flip(0)
    T = len(x)
    steps = torch.arange(T, device=x.device)[:, None]
    ends = lengths.to(x.device)
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return x.gather(0, places[..., None].expand(-1, -1, x.shape[-1]))
