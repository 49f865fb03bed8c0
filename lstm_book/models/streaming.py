"""Models that are read one step at a time: what is kept between two steps, and what a step does."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.checks import check_shape, check_type, check_whole
from lstm_book.models.last_step import LastStepClassifier
from lstm_book.models.transformer import TransformerClassifier, places

_CELLS: dict[str, Callable[..., nn.RNNCellBase]] = {
    "RNN_TANH": nn.RNNCell,
    "GRU": nn.GRUCell,
    "LSTM": nn.LSTMCell,
}


class RecurrentStream:
    """Reads with torch's cells, which share a layer's weights; keeps the state of every cell.

    Args:
        model: A classifier on :class:`torch.nn.LSTM`, :class:`torch.nn.GRU` or
            :class:`torch.nn.RNN` with tanh. Dropout is not applied.
        B: Streams that are read side by side.

    Raises:
        TypeError: If the model is another one, or B no whole number.
        ValueError: If B is below 1, or the layer has a projection.
    """

    def __init__(self, model: LastStepClassifier, B: int = 1) -> None:
        self.model = check_type("model", model, LastStepClassifier, "a LastStepClassifier")
        layer = model.layer
        if not isinstance(layer, nn.RNNBase) or layer.mode not in _CELLS:
            raise TypeError(f"expected an LSTM, a GRU or an RNN of torch with tanh, got {layer}")
        if layer.proj_size:
            raise ValueError(f"expected a layer without projection, got {layer.proj_size}")
        self.B = check_whole("B", B, 1)
        self.cells: list[nn.RNNCellBase] = []
        self.states: list[Tensor | tuple[Tensor, Tensor]] = []
        for k in range(layer.num_layers):
            size = layer.input_size if k == 0 else layer.hidden_size
            # What the cell is born with is thrown away: "meta" numbers cost nothing.
            cell = _CELLS[layer.mode](size, layer.hidden_size, layer.bias, device="meta")
            for name in dict(cell.named_parameters()):
                setattr(cell, name, getattr(layer, f"{name}_l{k}"))
            zeros = next(cell.parameters()).new_zeros(self.B, layer.hidden_size)
            self.cells.append(cell)
            self.states.append((zeros, zeros) if layer.mode == "LSTM" else zeros)

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Take one input; no gradient flows through a stream.

        Args:
            x: The input of this step, (B, D).

        Returns:
            What the model says after all inputs so far, (B,), or (B, K) for K outputs.

        Raises:
            ValueError: If x has not two dimensions.
            RuntimeError: If a size or dtype of x does not fit.
        """
        check_shape("x", x, "B D", (self.B, self.cells[0].input_size))
        states, h = [], []
        for cell, state in zip(self.cells, self.states, strict=True):
            states.append(cell(x, state))
            x = states[-1][0] if isinstance(state, tuple) else states[-1]
            h.append(x)
        self.states = states
        read = torch.cat(h, dim=1) if self.model.every_layer else x
        answer: Tensor = self.model.readout(read)
        return answer.squeeze(-1) if self.model.outputs is None else answer

    def kept(self) -> list[Tensor]:
        """Return what the next step needs: a tensor or two for every layer."""
        return [part for state in self.states for part in _tensors(state)]


class TransformerStream:
    """Reads with a Transformer; keeps every key and value.

    Args:
        model: The Transformer. Dropout is not applied.
        room: The longest stream.
        B: Streams that are read side by side.

    Raises:
        TypeError: If the model is none, or a number no whole number.
        ValueError: If a number is below 1.
    """

    def __init__(self, model: TransformerClassifier, room: int, B: int = 1) -> None:
        check_type("model", model, TransformerClassifier, "a TransformerClassifier")
        self.room, self.B = check_whole("room", room, 1), check_whole("B", B, 1)
        self.model, self.n = model, 0
        self.heads = model.encoder.layers[0].self_attn.num_heads
        like = model.embed.weight
        self.places = places(room, model.width).to(like)
        self.cache = like.new_zeros(
            len(model.encoder.layers),
            2,  # keys and values
            B,
            self.heads,
            room,
            model.width // self.heads,
        )

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Take one input (B, D), return the logits (B,); no gradient flows through a stream.

        Raises:
            ValueError: If x has not two dimensions, or there is no room for another step.
            RuntimeError: If a size or dtype of x does not fit.
        """
        model = self.model
        check_shape("x", x, "B D", (self.B, model.input_size))
        if self.n == self.room:
            raise ValueError(f"expected at most {self.room} steps, got another one")
        y = model.embed(x) + self.places[self.n]
        encoder: Any = model.encoder
        for layer, cache in zip(encoder.layers, self.cache, strict=True):
            y = y + self._attend(layer.self_attn, layer.norm1(y), cache)
            inner = layer.activation(layer.linear1(layer.norm2(y)))
            y = y + layer.linear2(inner)
        self.n += 1
        logit: Tensor = model.readout(encoder.norm(y))
        return logit.squeeze(-1)

    def _attend(self, attention: nn.MultiheadAttention, y: Tensor, cache: Tensor) -> Tensor:
        """Ask all steps so far; only this step's parts are new."""
        new = functional.linear(y, attention.in_proj_weight, attention.in_proj_bias)
        new = new.view(len(y), 3, self.heads, -1)
        query, cache[0, :, :, self.n], cache[1, :, :, self.n] = new.unbind(1)
        keys, values = cache[:, :, :, : self.n + 1]
        answer = functional.scaled_dot_product_attention(query[:, :, None], keys, values)
        asked: Tensor = attention.out_proj(answer.flatten(1))
        return asked

    def kept(self) -> list[Tensor]:
        """Return what the next step needs: keys and values of all steps so far."""
        return [self.cache[..., : self.n, :]]


def stream(
    model: LastStepClassifier | TransformerClassifier, room: int
) -> RecurrentStream | TransformerStream:
    """Return a model to be read step by step, at most `room` of them if it is a Transformer.

    Raises:
        TypeError: If the model is another one, or room no whole number.
        ValueError: If room is below 1.

    >>> reader = stream(TransformerClassifier(input_size=3, width=8, heads=2), room=5)
    >>> reader.step(torch.zeros(1, 3)).shape
    torch.Size([1])
    """
    check_whole("room", room, 1)
    if isinstance(model, TransformerClassifier):
        return TransformerStream(model, room)
    return RecurrentStream(model)


def _tensors(state: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return (h,), or (h, c) of an LSTM."""
    return state if isinstance(state, tuple) else (state,)
