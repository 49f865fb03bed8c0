"""``python -m lstm_book`` is the command ``lstm-book``."""

import sys

from lstm_book.experiments.command import main

if __name__ == "__main__":
    sys.exit(main())
