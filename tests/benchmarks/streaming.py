"""Models that are read one step at a time: what is kept between two steps, and what a step does."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.models import LastStepClassifier, TransformerClassifier
from lstm_book.models.transformer import places

FEATURES = 10
# Units H of two layers, or the width of a Transformer of two layers, with as many parameters.
SIZES = {
    "small": {"RNN": 258, "GRU": 148, "LSTM": 128, "Transformer": 92},
    "large": {"RNN": 1026, "GRU": 591, "LSTM": 512, "Transformer": 364},
}
RECURRENT = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
CELLS = {"RNN_TANH": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}


def make(name: str, size: str) -> nn.Module:
    """Return an untrained model in evaluation mode, with weights from torch's random numbers."""
    units = SIZES[size][name]
    if name == "Transformer":
        return TransformerClassifier(FEATURES, units).eval()
    layer = RECURRENT[name](FEATURES, units, num_layers=2)
    return LastStepClassifier(layer, every_layer=True).eval()


class RecurrentStream:
    """Reads with torch's cells, which hold a layer's weights; keeps the state of every cell."""

    def __init__(self, model: LastStepClassifier, B: int = 1) -> None:
        layer, self.readout = model.layer, model.readout
        self.cells, self.states = [], []
        for k in range(layer.num_layers):
            size = layer.input_size if k == 0 else layer.hidden_size
            cell = CELLS[layer.mode](size, layer.hidden_size)
            own = [name + f"_l{k}" for name, _ in cell.named_parameters()]
            for parameter, name in zip(cell.parameters(), own, strict=True):
                parameter.data = getattr(layer, name).data  # shared, not copied
            zeros = torch.zeros(B, layer.hidden_size)
            self.cells.append(cell)
            self.states.append((zeros, zeros) if layer.mode == "LSTM" else zeros)

    def step(self, x: Tensor) -> Tensor:
        """Take one input (B, D), return the logits (B,)."""
        states, h = [], []
        for cell, state in zip(self.cells, self.states, strict=True):
            states.append(cell(x, state))
            x = states[-1][0] if isinstance(state, tuple) else states[-1]
            h.append(x)
        self.states = states
        return self.readout(torch.cat(h, dim=1)).squeeze(-1)

    def kept(self) -> list[Tensor]:
        """What the next step needs."""
        return [part for state in self.states for part in tensors(state)]


class LayerStream:
    """Reads with the layer itself, called with sequences of one step; keeps its state."""

    def __init__(self, model: LastStepClassifier) -> None:
        self.model, self.state = model, None

    def step(self, x: Tensor) -> Tensor:
        """Take one input (B, D), return the logits (B,)."""
        _, self.state = self.model.layer(x[None], self.state)
        h = tensors(self.state)[0].transpose(0, 1).flatten(1)
        return self.model.readout(h).squeeze(-1)


def tensors(state: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Return (h,), or (h, c) of an LSTM."""
    return state if isinstance(state, tuple) else (state,)


class TransformerStream:
    """Reads with a Transformer; keeps every key and value."""

    def __init__(self, model: TransformerClassifier, room: int, B: int = 1) -> None:
        self.model, self.n = model, 0
        self.heads = model.encoder.layers[0].self_attn.num_heads
        self.places = places(room, model.width)
        self.cache = torch.zeros(
            len(model.encoder.layers),
            2,  # keys and values
            B,
            self.heads,
            room,
            model.width // self.heads,
        )

    def step(self, x: Tensor) -> Tensor:
        """Take one input (B, D), return the logits (B,)."""
        model = self.model
        y = model.embed(x) + self.places[self.n]
        for layer, cache in zip(model.encoder.layers, self.cache, strict=True):
            y = y + self.attend(layer.self_attn, layer.norm1(y), cache)
            inner = layer.activation(layer.linear1(layer.norm2(y)))
            y = y + layer.linear2(inner)
        self.n += 1
        return model.readout(model.encoder.norm(y)).squeeze(-1)

    def attend(self, attention: nn.MultiheadAttention, y: Tensor, cache: Tensor) -> Tensor:
        """Ask all steps so far; only this step's parts are new."""
        new = functional.linear(y, attention.in_proj_weight, attention.in_proj_bias)
        new = new.view(len(y), 3, self.heads, -1)
        query, cache[0, :, :, self.n], cache[1, :, :, self.n] = new.unbind(1)
        keys, values = cache[:, :, :, : self.n + 1]
        answer = functional.scaled_dot_product_attention(query[:, :, None], keys, values)
        return attention.out_proj(answer.flatten(1))

    def kept(self) -> list[Tensor]:
        """What the next step needs."""
        return [self.cache[..., : self.n, :]]


Stream = RecurrentStream | LayerStream | TransformerStream


def stream(model: nn.Module, room: int) -> Stream:
    """Return a model to be read step by step, at most `room` of them."""
    if isinstance(model, TransformerClassifier):
        return TransformerStream(model, room)
    return RecurrentStream(model)
