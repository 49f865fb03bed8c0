"""One sequence in, another out: encoder, decoder, attention."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.checks import check_choice, check_number, check_shape, check_type, check_whole
from lstm_book.layers import LSTM
from lstm_book.layers.lengths import valid_steps
from lstm_book.layers.read import RecurrentLayer, make_layer, output_size, read, weight_like
from lstm_book.layers.unroll import map_state
from lstm_book.models._tokens import Lengths, TokenVectors, check_tokens, mask_of
from lstm_book.models.attention import AdditiveScore, DotScore, attend
from lstm_book.models.decoding import BeamSearch, beam_search
from lstm_book.modes import evaluation_twin

Attention = Literal["none", "dot", "additive"]


class Encoded(NamedTuple):
    """What the decoder knows of the sources.

    Attributes:
        state: The encoder's last own state; of an LSTM (h, c), each (layers, B, H).
        memory: Its last layer's output at each step, (S, B, H); zero beyond a length.
        valid: True where a source has a step, (S, B); None if all have S.
    """

    state: Any
    memory: Tensor
    valid: Tensor | None


class Predicted(NamedTuple):
    """What the decoder says at each step.

    Attributes:
        logits: (T, B, V), zero beyond a length.
        weights: Attention on each source step, (T, B, S), summing to 1; None without attention.
        state: The decoder's state after the last own step; of an LSTM (h, c), each (layers, B, H).
    """

    logits: Tensor
    weights: Tensor | None
    state: Any


class Decoded(NamedTuple):
    """Sequences that were written without knowing the right ones.

    Attributes:
        tokens: (T, B); the stop token from each sequence's end on.
        lengths: Tokens of each sequence, its stop token included if it came, (B,).
        log_probability: Sum of their log-probabilities, in nats, (B,).
        weights: Attention at each step, (T, B, S), zero beyond a length; None without attention.
    """

    tokens: Tensor
    lengths: Tensor
    log_probability: Tensor
    weights: Tensor | None


class Seq2Seq(nn.Module):
    """Encoder and decoder :cite:p:`sutskever2014`, with attention as an option.

    The encoder's last state is the decoder's first: all that the decoder knows without attention.
    With attention, the decoder's state also asks every step of the source, and what it gets is
    joined to it before the read-out, as in :cite:t:`luong2015`. The score is either the inner
    product of that paper or the small network of :cite:t:`bahdanau2015`.

    Args:
        source_tokens: How many different tokens the sources have.
        target_tokens: How many different tokens V the targets have, the stop token included.
        hidden_size: Units H of each layer.
        stop: The token that ends a target. It is also what the decoder sees first.
        num_layers: Layers of the encoder, and of the decoder.
        attention: "none", "dot" or "additive".
        embedding: Numbers per token; None for one-hot vectors.
        dropout: Probability of zeroing a feature between layers and before the read-out, while
            training.
        layer: Makes encoder and decoder when it is called as a layer's class is, with the sizes,
            the number of layers and ``dropout=``: such a class, or a function for a cell.

    Raises:
        TypeError: If an argument is of another kind, or no recurrent layer is made.
        ValueError: If a size is not positive, the stop token is no target token, or the attention
            is none of the three.
    """

    def __init__(
        self,
        source_tokens: int,
        target_tokens: int,
        hidden_size: int,
        *,
        stop: int,
        num_layers: int = 1,
        attention: Attention = "none",
        embedding: int | None = None,
        dropout: float = 0.0,
        layer: Callable[..., RecurrentLayer] = LSTM,
    ) -> None:
        super().__init__()
        check_whole("target_tokens", target_tokens, 1)
        self.stop = check_whole("stop", stop, 0, target_tokens - 1)
        check_choice("attention", attention, get_args(Attention))
        check_whole("num_layers", num_layers, 1)
        dropout = check_number("dropout", dropout, 0, 1)
        self.attention: Attention = attention
        self.source_vectors = TokenVectors(source_tokens, embedding)
        self.target_vectors = TokenVectors(target_tokens, embedding)
        sizes = self.source_vectors.size, self.target_vectors.size
        self.encoder, self.decoder = (
            make_layer(layer, size, hidden_size, num_layers, dropout) for size in sizes
        )
        H = output_size(self.decoder)
        self.score: DotScore | AdditiveScore | None = None
        self.join: nn.Linear | None = None
        if attention != "none":
            self.score = DotScore() if attention == "dot" else AdditiveScore(H)
            self.join = nn.Linear(2 * H, H)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(H, target_tokens)

    def forward(
        self,
        source: Tensor,
        target_in: Tensor,
        *,
        source_lengths: Lengths | None = None,
        target_lengths: Lengths | None = None,
    ) -> Predicted:
        """Predict each target token from the source and the right tokens before it.

        This is teacher forcing: the decoder never sees its own mistakes.

        Args:
            source: Tokens (S, B).
            target_in: The stop token, then the target without its last token, (T, B).
            source_lengths: Steps of each source, (B,), from 1 to S; None if all have S.
            target_lengths: Steps of each target, (B,), from 1 to T; None if all have T.

        Returns:
            Logits, attention weights, and the decoder's state.

        Raises:
            TypeError: If tokens or lengths are no whole numbers.
            ValueError: If tokens are not 2-D.
            RuntimeError: If there is no step, batches differ, or a length is out of range.
            IndexError: If a token that is no padding is unknown.
        """
        return self.decode(
            target_in, self.encode(source, lengths=source_lengths), lengths=target_lengths
        )

    def encode(self, source: Tensor, *, lengths: Lengths | None = None) -> Encoded:
        """Read the sources; arguments and errors as for `forward`."""
        tokens, lengths, valid = _checked(
            "source", source, "S B", self.source_vectors.tokens, lengths
        )
        vectors = self.source_vectors(tokens, weight_like(self.encoder).dtype)
        memory, state = read(self.encoder, vectors, lengths)
        return Encoded(state, memory, valid)

    def decode(
        self,
        target_in: Tensor,
        encoded: Encoded,
        state: Any = None,
        *,
        lengths: Lengths | None = None,
    ) -> Predicted:
        """Predict the token after each of `target_in`.

        Args:
            target_in: Tokens (T, B).
            encoded: What `encode` returned for the B sources.
            state: The decoder's state to go on from; the encoder's if missing.
            lengths: Steps of each target, (B,); None if all have T.

        Returns:
            Logits, attention weights, and the state after the last own step.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`.
            RuntimeError: As `forward`.
            IndexError: As `forward`.
        """
        check_type("encoded", encoded, Encoded, "what encode returns")
        memory = check_shape("encoded.memory", encoded.memory, "S B H", (None,) * 3)
        if encoded.valid is not None:
            check_shape("encoded.valid", encoded.valid, "S B", memory.shape[:2])
        tokens, lengths, valid = _checked(
            "target_in", target_in, "T B", self.target_vectors.tokens, lengths
        )
        B = memory.shape[1]
        if tokens.shape[1] != B:
            raise RuntimeError(f"expected target_in of shape (T, B={B}), got {tuple(tokens.shape)}")
        x = self.target_vectors(tokens, weight_like(self.decoder).dtype)
        before = encoded.state if state is None else state
        output, after = read(self.decoder, x, lengths, before)
        weights = None
        if self.score is not None and self.join is not None:
            scores = self.score(output, encoded.memory)
            found, weights = attend(scores, encoded.memory, encoded.valid)
            output = self.join(torch.cat([found, output], dim=-1)).tanh()
        logits = self.linear(self.dropout(output))
        if valid is not None:
            logits = logits.masked_fill(~valid[..., None], 0)
        return Predicted(logits, weights, after)

    @torch.no_grad()
    def greedy(
        self, source: Tensor, *, lengths: Lengths | None = None, max_length: int = 100
    ) -> Decoded:
        """Write the most probable token at each step, without dropout, until all have stopped.

        Args:
            source: Tokens (S, B).
            lengths: Steps of each source, (B,); None if all have S.
            max_length: Largest number of tokens, the stop token included.

        Returns:
            The sequences.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`, or if max_length is below 1.
            RuntimeError: As `forward`.
            IndexError: As `forward`.
            FloatingPointError: If a logit is NaN.
        """
        max_length = check_whole("max_length", max_length, 1)
        twin = evaluation_twin(self)
        encoded = twin.encode(source, lengths=lengths)
        B = encoded.memory.shape[1]
        token = source.new_full((B,), self.stop, dtype=torch.int64)
        state = encoded.state
        going = torch.ones_like(token, dtype=torch.bool)
        steps = torch.zeros_like(token)
        total = torch.zeros(B, dtype=torch.float64, device=token.device)
        tokens: list[Tensor] = []
        looks: list[Tensor | None] = []
        for _ in range(max_length):
            predicted = twin.decode(token[None], encoded, state)
            state = predicted.state
            best, token = functional.log_softmax(predicted.logits[0], dim=-1).max(dim=-1)
            if best[going].isnan().any():
                raise FloatingPointError(f"expected logits, got NaN at step {len(tokens) + 1}")
            token = torch.where(going, token, self.stop)
            total += torch.where(going, best.double(), 0.0)
            steps += going
            tokens.append(token)
            looks.append(predicted.weights)
            going = going & (token != self.stop)
            if not bool(going.any()):
                break
        weights = None
        if self.score is not None:
            weights = torch.cat([look for look in looks if look is not None])
            weights = weights * valid_steps(steps, len(weights))[..., None]
        return Decoded(torch.stack(tokens), steps, total, weights)

    @torch.no_grad()
    def beam(
        self,
        source: Tensor,
        *,
        width: int,
        length_norm: float = 0.0,
        lengths: Lengths | None = None,
        max_length: int = 100,
    ) -> list[BeamSearch]:
        """Search for the most probable target of each source, without dropout.

        Args:
            source: Tokens (S, B).
            width: How many beginnings to keep at each step. 1 is `greedy`.
            length_norm: The exponent alpha of the length that divides a log-probability.
            lengths: Steps of each source, (B,); None if all have S.
            max_length: Largest number of tokens, the stop token included.

        Returns:
            For each source, the hypotheses, best first, and those kept at each step.

        Raises:
            TypeError: As `forward`.
            ValueError: As `forward`, or as `beam_search`.
            RuntimeError: As `forward`.
            IndexError: As `forward`.
            FloatingPointError: If a logit is NaN.
        """
        twin = evaluation_twin(self)
        encoded = twin.encode(source, lengths=lengths)
        return [
            beam_search(
                twin._step,
                _rows(encoded, encoded.state, torch.tensor([index])),
                start=self.stop,
                stop=self.stop,
                width=width,
                max_length=max_length,
                length_norm=length_norm,
                select=lambda state, rows: _rows(state[0], state[1], rows),
            )
            for index in range(encoded.memory.shape[1])
        ]

    def _step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Advance N hypotheses of one source."""
        encoded, decoder_state = state
        device = encoded.memory.device
        predicted = self.decode(tokens[None].to(device), encoded, decoder_state)
        return functional.log_softmax(predicted.logits[0], dim=-1), (encoded, predicted.state)


def _rows(encoded: Encoded, state: Any, rows: Tensor) -> tuple[Encoded, Any]:
    """Take some sequences out of a batch."""
    rows = rows.to(encoded.memory.device)

    def pick(tensor: Tensor) -> Tensor:
        return tensor[:, rows]

    valid = None if encoded.valid is None else pick(encoded.valid)
    picked = Encoded(map_state(pick, encoded.state), pick(encoded.memory), valid)
    return picked, map_state(pick, state)


def _checked(
    name: str, tokens: Tensor, dims: str, size: int, lengths: Lengths | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Check tokens and lengths together."""
    checked = valid = None
    if lengths is not None and isinstance(tokens, Tensor) and tokens.dim() == 2:
        checked, valid = mask_of(lengths, tokens.shape[0], tokens.shape[1], tokens.device)
    return check_tokens(name, tokens, dims, size, valid), checked, valid
