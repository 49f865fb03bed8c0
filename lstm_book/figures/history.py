"""The figures of "Where the LSTM comes from"."""

from lstm_book.plotting import (
    INK,
    MUTED,
    PALETTE,
    ThemedFigure,
    draw_cell,
    draw_gru_cell,
    figure,
    show,
    subplots,
)

# Year, words, and whether it was done to the memory cell.
EVENTS = (
    (1991, "gradients vanish", False),
    (1994, "they have to vanish", False),
    (1997, "LSTM, with two gates", True),
    (2000, "forget gate", True),
    (2005, "the whole gradient", True),
    (2014, "GRU", True),
    (2014, "translation by LSTMs", False),
    (2017, "Transformer", False),
    (2024, "xLSTM, minLSTM", True),
)


def line() -> ThemedFigure:
    """Draw the line of time, from the top down."""
    fig, ax = subplots(height=4.2)
    ax.plot([0, 0], [1990, 2026], color=MUTED, lw=1.5)
    for year, words, of_the_cell in EVENTS:
        colour, side = (PALETTE["lstm"], 1) if of_the_cell else (INK, -1)
        ax.plot([0, 0.12 * side], [year, year], color=colour, lw=1)
        ax.plot(0, year, "o", color=colour, ms=5)
        align = "left" if of_the_cell else "right"
        ax.text(0.18 * side, year, f"{year}  {words}", color=colour, ha=align, va="center")
    ax.set(xlim=(-2.3, 2.3), ylim=(2026.5, 1989.5))
    ax.axis("off")
    return show(
        fig,
        alt="A line from 1991 to 2024. On its right: 1997 the LSTM with two gates, 2000 the forget "
        "gate, 2005 the whole gradient, 2014 the GRU, 2024 xLSTM and minLSTM. On its left: 1991 "
        "gradients vanish, 1994 they have to vanish, 2014 translation by LSTMs, 2017 the "
        "Transformer.",
    )


def cells() -> ThemedFigure:
    """Draw the two cells, one above the other, in the same layout."""
    fig = figure(6.0)
    upper, lower = fig.subplots(2)
    draw_cell(upper)
    draw_gru_cell(lower)
    return show(
        fig,
        alt="Two cells. In the LSTM the memory c runs along the top, multiplied by the forget gate "
        "and added to; an output gate lets it out as h. In the GRU the hidden state h itself runs "
        "along the top, multiplied by the update gate z and added to by the candidate n times one "
        "minus z; a reset gate r acts on the state that the candidate sees.",
    )
