"""The table of the appendix "Stored runs"."""

from lstm_book.experiments import EXPERIMENTS, load_experiment
from lstm_book.figures.page import Table, table


def runs() -> Table:
    """Return every experiment with its stored seeds, their times, and what is replayed."""
    rows = []
    for name, experiment in EXPERIMENTS.items():
        what = f"`{name}` {experiment.about}"
        try:
            stored = load_experiment(name)
        except FileNotFoundError:
            rows.append((what, "not run yet", "", "", ""))
            continue
        minutes = [result["seconds"] / 60 for result in stored.results]
        ends = (f"{t:.1f}" if t >= 0.1 else "< 0.1" for t in (min(minutes), max(minutes)))
        losses = sum(sum(map(len, trained)) for trained in stored.values("first_losses"))
        since = ", ".join(change.removeprefix("setting ") for change in stored.changes())
        seeds = f"{len(minutes)} of {len(experiment.seeds)}"
        time = " to ".join(dict.fromkeys(ends))
        rows.append((what, seeds, time, f"{losses} losses", since or "same"))
    return table(["run", "seeds", "minutes a seed", "replayed", "settings"], rows)
