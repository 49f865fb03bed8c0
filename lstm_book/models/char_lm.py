"""A language model of characters."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstm_book.checks import check_number, check_type, check_whole
from lstm_book.layers import LSTM
from lstm_book.layers.read import RecurrentLayer, make_layer, output_size, read, weight_like
from lstm_book.models._tokens import Lengths, TokenVectors, check_tokens, mask_of
from lstm_book.models.sampling import draw
from lstm_book.models.vocabulary import Vocabulary
from lstm_book.modes import evaluation_twin


class CharLM(nn.Module):
    """Predict each next character of a text from all those before.

    Args:
        vocabulary: The characters, V of them.
        hidden_size: Units H of each layer.
        num_layers: How many layers are stacked.
        embedding: Numbers per character; None for one-hot vectors, which need no parameters.
        dropout: Probability of zeroing a feature between layers and before the read-out, while
            training.
        layer: Makes the recurrent layer when it is called as a layer's class is, with the sizes,
            the number of layers and ``dropout=``: such a class, or a function for a cell.

    Raises:
        TypeError: If an argument is of another kind, or no recurrent layer is made.
        ValueError: If a size is not positive, or the layer reads backwards or batch first.

    >>> model = CharLM(Vocabulary("ab "), hidden_size=8)
    >>> len(model.sample("ab", 5, generator=torch.Generator().manual_seed(0)))
    5
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        hidden_size: int,
        num_layers: int = 1,
        *,
        embedding: int | None = None,
        dropout: float = 0.0,
        layer: Callable[..., RecurrentLayer] = LSTM,
    ) -> None:
        super().__init__()
        self.vocabulary = check_type("vocabulary", vocabulary, Vocabulary, "a Vocabulary")
        dropout = check_number("dropout", dropout, 0, 1)
        check_whole("num_layers", num_layers, 1)
        self.vectors = TokenVectors(len(vocabulary), embedding)
        self.layer = make_layer(layer, self.vectors.size, hidden_size, num_layers, dropout)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(output_size(self.layer), len(vocabulary))

    def forward(
        self,
        tokens: Tensor,
        state: Any = None,
        *,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor, Any]:
        """Return logits for the character after each one, and the state to go on from.

        Args:
            tokens: Numbers of characters, (T, B).
            state: What the layer carries, as a call before returned it: of an LSTM (h, c), each
                (layers, B, H). Zeros if missing.
            lengths: How many steps each sequence has, (B,), from 1 to T; None if all have T.

        Returns:
            Logits (T, B, V), zero beyond a length, and the state after each last own step.

        Raises:
            TypeError: If tokens or lengths are no whole numbers.
            ValueError: If tokens are not 2-D.
            RuntimeError: If T = 0, the state does not fit, or a length is out of range.
            IndexError: If a token that is no padding is unknown.
        """
        valid = None
        if lengths is not None and isinstance(tokens, Tensor) and tokens.dim() == 2:
            lengths, valid = mask_of(lengths, tokens.shape[0], tokens.shape[1], tokens.device)
        tokens = check_tokens("tokens", tokens, "T B", len(self.vocabulary), valid)
        x = self.vectors(tokens, weight_like(self.layer).dtype)
        output, state = read(self.layer, x, lengths, state)
        logits = self.linear(self.dropout(output))
        if valid is not None:
            logits = logits.masked_fill(~valid[..., None], 0)
        return logits, state

    @torch.no_grad()
    def sample(
        self,
        prompt: str,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> str:
        """Continue a prompt, without dropout.

        Args:
            prompt: What has been read before; at least one character.
            n: How many characters to draw.
            temperature: Above 1 evens the probabilities out, below 1 sharpens them; 0 always takes
                the most probable character.
            top_k: Draw only from the k most probable characters; None for all.
            generator: Source of the draws.

        Returns:
            The n characters after the prompt.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If the prompt is empty or holds an unknown character, n or the temperature
                is negative, or top_k is not from 1 to V.
            FloatingPointError: If the model's logits are NaN.
        """
        if not check_type("prompt", prompt, str, "text"):
            raise ValueError("expected a prompt of at least one character, got none")
        n = check_whole("n", n, 0)
        drawn: list[int] = []
        twin, state = evaluation_twin(self), None
        tokens = self.vocabulary.encode(prompt)[:, None].to(weight_like(self.layer).device)
        for _ in range(n):
            logits, state = twin(tokens, state)
            token = draw(logits[-1, 0].cpu(), temperature, top_k, generator)
            drawn.append(int(token))
            tokens = token.view(1, 1).to(tokens.device)
        return self.vocabulary.decode(drawn)

    @torch.no_grad()
    def bits_per_character(self, text: str, *, context: str = "", chunk: int = 1000) -> float:
        """Return how many bits it takes to tell each next character of a contiguous text.

        The text is read once, from the beginning to the end, with the state carried on.

        Args:
            text: What to predict. Without a context its first character is only read.
            context: What comes right before; read, but not counted.
            chunk: Characters per call; it changes memory and time, not the result.

        Returns:
            The mean of -log2 p(character | all before it); NaN if the model's logits are.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If there is nothing to predict, or a character is unknown.
        """
        check_type("text", text, str, "text")
        check_type("context", context, str, "text")
        chunk = check_whole("chunk", chunk, 1)
        numbers = self.vocabulary.encode(context + text).to(weight_like(self.layer).device)
        first = max(len(context), 1)
        if len(numbers) <= first:
            raise ValueError("expected a text with at least one character to predict, got none")
        nats, state, twin = 0.0, None, evaluation_twin(self)
        for start in range(0, len(numbers) - 1, chunk):
            x = numbers[start : min(start + chunk, len(numbers) - 1)]
            logits, state = twin(x[:, None], state)
            losses = functional.cross_entropy(
                logits[:, 0], numbers[start + 1 : start + 1 + len(x)], reduction="none"
            )
            nats += float(losses[max(first - 1 - start, 0) :].double().sum())
        return nats / math.log(2) / (len(numbers) - first)
