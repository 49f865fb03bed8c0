"""One long text as a few parallel streams."""

from collections.abc import Iterator

from torch import Tensor

from lstm_book.checks import check_shape, check_whole


def contiguous_batches(tokens: Tensor, batch: int, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a text into B streams and read them side by side, some steps at a time.

    Each batch goes on where the one before it ended, so that the state can be carried from one to
    the next. What does not fill all streams is left out.

    Args:
        tokens: The text, (N,).
        batch: Streams B.
        length: Steps of each batch; the last one may have fewer.

    Returns:
        An iterator over tokens (T, B) and the token after each, (T, B).

    Raises:
        TypeError: If the tokens are no tensor, or a count no whole number.
        ValueError: If the tokens are not 1-D, B or the length is below 1, or the text is too short
            to give each stream two tokens.

    >>> import torch
    >>> for x, y in contiguous_batches(torch.arange(8), batch=2, length=2):
    ...     print(x.tolist(), y.tolist())
    [[0, 4], [1, 5]] [[1, 5], [2, 6]]
    [[2, 6]] [[3, 7]]
    """
    check_shape("tokens", tokens, "N", (None,))
    batch, length = check_whole("batch", batch, 1), check_whole("length", length, 1)
    steps = len(tokens) // batch
    if steps < 2:
        raise ValueError(
            f"expected at least {2 * batch} tokens for {batch} streams, got {len(tokens)}"
        )
    return _cut(tokens[: steps * batch].reshape(batch, steps).T, length)


def _cut(streams: Tensor, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield streams (N, B) some steps at a time, each with the token after."""
    steps = len(streams)
    for start in range(0, steps - 1, length):
        end = min(start + length, steps - 1)
        yield streams[start:end], streams[start + 1 : end + 1]
