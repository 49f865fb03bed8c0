"""One answer for every step."""

from torch import Tensor, nn

from lstm_book.checks import check_number, check_shape, check_whole
from lstm_book.layers.read import RecurrentLayer, check_layer, output_size, read, weight_like
from lstm_book.models._tokens import Lengths, TokenVectors, check_tokens, mask_of


class Tagger(nn.Module):
    """Many-to-many: give each step of a sequence a tag.

    Args:
        layer: The recurrent layer that reads, one of torch's or ours, see
            :func:`lstm_book.layers.read`; with two directions a tag can depend on what comes after
            it.
        tags: How many tags C there are.
        tokens: If given, inputs are tokens from 0 to tokens - 1, embedded in as many numbers as the
            layer reads (one-hot if that is `tokens` itself). If None, they are vectors.
        dropout: Probability of zeroing a feature before the read-out, while training.

    Raises:
        TypeError: If the layer is no recurrent layer.
        ValueError: If there is no tag or no token.

    >>> import torch
    >>> model = Tagger(nn.LSTM(8, 16, bidirectional=True), tags=7, tokens=100)
    >>> model(torch.tensor([[3, 99], [4, 0], [5, 0]]), lengths=[3, 1]).shape
    torch.Size([3, 2, 7])
    """

    def __init__(
        self, layer: RecurrentLayer, tags: int, *, tokens: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layer = check_layer("layer", layer)
        check_whole("tags", tags, 1)
        dropout = check_number("dropout", dropout, 0, 1)
        like = weight_like(layer)
        self.vectors = None
        if tokens is not None:
            size = None if layer.input_size == tokens else layer.input_size
            self.vectors = TokenVectors(tokens, size).to(like)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(output_size(layer), tags, device=like.device, dtype=like.dtype)

    def forward(self, x: Tensor, lengths: Lengths | None = None) -> Tensor:
        """Return logits for every step.

        Args:
            x: Vectors (T, B, D) or tokens (T, B); batch before time if the layer has `batch_first`.
            lengths: How many steps each sequence has, (B,), from 1 to T; None if all have T.

        Returns:
            Logits (T, B, C), or (B, T, C) as the layer says; zero beyond a length.

        Raises:
            ValueError: If x has a wrong number of dimensions or dtype.
            RuntimeError: If x has another number of features than D, T = 0, or a length is out of
                range.
            TypeError: If tokens or lengths are no whole numbers.
            IndexError: If a token that is no padding is unknown.
        """
        batch_first = self.layer.batch_first
        dims = ("B T" if batch_first else "T B") + (" D" if self.vectors is None else "")
        check_shape("x", x, dims, (None,) * len(dims.split()))
        T, B = (x.shape[1], x.shape[0]) if batch_first else x.shape[:2]
        lengths, valid = mask_of(lengths, T, B, x.device)
        if valid is not None and batch_first:
            valid = valid.T
        if self.vectors is not None:
            tokens = check_tokens("x", x, dims, self.vectors.tokens, valid)
            x = self.vectors(tokens, weight_like(self.layer).dtype)
        logits: Tensor = self.linear(self.dropout(read(self.layer, x, lengths).output))
        return logits if valid is None else logits.masked_fill(~valid[..., None], 0)
