"""Reading dates as people write them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lstm_book.checks import check_choice, check_type
from lstm_book.data.date_tables import DateTable, date_tables
from lstm_book.models.vocabulary import Vocabulary
from lstm_book.tasks._answers import check_draw
from lstm_book.tasks.teacher_forcing import TeacherForced, answers_in, named

Days = Literal["shown", "held out"]
Forms = Literal["shown", "held out", "American"]

STOP = "$"
ANSWERS = Vocabulary("0123456789-" + STOP)
FIRST, LAST = date(1969, 1, 1), date(2068, 12, 31)  # the years that two digits stand for, by POSIX
HELD_OUT = {
    **{"de": "yMMMEd", "en_GB": "medium", "es": "full", "fi": "long"},
    **{"fr": "yMMMEd", "hu": "medium", "it": "full", "ja": "long"},
    **{"nl": "yMMMEd", "pl": "medium", "ru": "full", "tr": "long"},
}
"""The form of each language that is held out; all name the month in letters."""

_FIELD = re.compile(r"'([^']*)'|([a-zA-Z])\2*")


class WrittenDate(NamedTuple):
    """A date and how somebody wrote it.

    Attributes:
        text: As it is written, such as "3. Sept. 1974".
        iso: The same date by ISO 8601, "1974-09-03".
        language: Of the text, as in "de".
        form: Name of the form, as CLDR has it.
    """

    text: str
    iso: str
    language: str
    form: str


class Form(NamedTuple):
    """A way to write dates: its language, its name and its pattern."""

    language: str
    name: str
    pattern: str


@dataclass(frozen=True)
class Dates(TeacherForced):
    """Read "3. Sept. 1974", write "1974-09-03$": dates of 1969 to 2068 in twelve languages.

    The forms are those of Unicode's Common Locale Data Repository (CLDR): each language's four
    lengths, from "Dienstag, 3. September 1974" to "03.09.74", and four more. None that is shown
    puts the month before the day unless the year comes first, so no text has two meanings. Of each
    language, one form that names the month in letters is held out, and of all days every tenth. The
    American forms, "Sept 3, 1974", have an order that none of the others has.

    Args:
        days: Which days to draw: those to train on, or those held out.
        forms: Which forms to write them in: those to train on, those held out, or the American
            ones.

    Raises:
        TypeError: If one is no text.
        ValueError: If there are no such days or forms.

    >>> task = Dates()
    >>> task.draw(1, generator=torch.Generator().manual_seed(4))
    [WrittenDate(text='22-12-2036', iso='2036-12-22', language='nl', form='yMd')]
    """

    days: Days = "shown"
    forms: Forms = "shown"

    def __post_init__(self) -> None:
        check_choice("days", self.days, get_args(Days))
        check_choice("forms", self.forms, get_args(Forms))

    @property
    def vocabulary(self) -> Vocabulary:
        """The characters of the texts."""
        return _characters()

    @property
    def answers(self) -> Vocabulary:
        """The characters of the answers."""
        return ANSWERS

    @property
    def stop(self) -> int:
        """The token that ends an answer, and that the decoder sees first."""
        return ANSWERS.characters.index(STOP)

    @property
    def max_length(self) -> int:
        """Tokens of an answer with its stop token."""
        return len("1974-09-03" + STOP)

    def draw(self, count: int, *, generator: torch.Generator | None = None) -> list[WrittenDate]:
        """Draw days and forms, each evenly, and write them.

        Args:
            count: How many.
            generator: Source of the draws.

        Raises:
            TypeError: If the count is no whole number, or the generator is none.
            ValueError: If it is negative.
        """
        count = check_draw(count, generator)
        days, forms = _days(self.days), _forms(self.forms)
        which = torch.randint(len(days), (count,), generator=generator).tolist()
        how = torch.randint(len(forms), (count,), generator=generator).tolist()
        return [_written(days[day], forms[form]) for day, form in zip(which, how, strict=True)]

    def sample(
        self, batch: int, *, generator: torch.Generator | None = None
    ) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Draw what a :class:`~lstm_book.models.Seq2Seq` is called with; targets and lengths.

        Args:
            batch: How many dates, B.
            generator: Source of the draws.

        Returns:
            source, target_in, source_lengths and target_lengths by name; and the right answers with
            their stop token, (T, B), and their lengths, (B,).

        Raises:
            TypeError: If the batch is no whole number, or the generator is none.
            ValueError: If it is below 1.
        """
        drawn = self.draw(batch, generator=generator)
        source, source_lengths = self.encode([written.text for written in drawn])
        answers = [ANSWERS.encode(written.iso + STOP) for written in drawn]
        target_out = torch.stack(answers, dim=1)
        target_in = target_out.roll(1, dims=0)  # the stop token comes first
        lengths = torch.full((len(drawn),), self.max_length)
        return named(source, source_lengths, target_in, lengths), (target_out, lengths)

    def encode(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Turn texts into tokens (S, B), padded with 0, and their lengths (B,).

        Raises:
            TypeError: If these are no texts.
            ValueError: If there is none, one is empty, or has a character that no form has.
        """
        check_type("texts", texts, (list, tuple), "a list of texts")
        if not texts or not all(check_type("a text", text, str, "text") for text in texts):
            raise ValueError(
                f"expected at least one text, and none that is empty, got {texts!r:.60}"
            )
        rows = [self.vocabulary.encode(text) for text in texts]
        return pad_sequence(rows), torch.tensor([len(text) for text in texts])

    def decode(self, tokens: Tensor) -> list[str]:
        """Return the answers in tokens (T, B), each up to its stop token or to the end.

        Raises:
            TypeError: If the tokens are no tensor of whole numbers.
            ValueError: If they have not two dimensions.
            IndexError: If a token before the stop token is unknown.
        """
        return answers_in(tokens, ANSWERS, self.stop)

    def baselines(self) -> dict[str, float]:
        """Return the shares of right characters, the stop token included, of reading nothing.

        Returns:
            Of a guess among all tokens, and of the most frequent token of each place.
        """
        places = zip(*(day.isoformat() + STOP for day in _days(self.days)), strict=True)
        shares = [max(place.count(one) for one in set(place)) / len(place) for place in places]
        return {
            "any token": 1 / len(ANSWERS),
            "the most frequent token of each place": sum(shares) / len(shares),
        }


@cache
def _days(days: Days) -> list[date]:
    """Return the days that are shown, or every tenth, which is held out."""
    every = [FIRST + timedelta(k) for k in range((LAST - FIRST).days + 1)]
    return [day for k, day in enumerate(every) if (k % 10 == 9) == (days == "held out")]


@cache
def _forms(forms: Forms) -> list[Form]:
    """Return the forms, each pattern of a language once."""
    found: dict[tuple[str, str], Form] = {}
    for language, table in date_tables().items():
        if (language == "en_US") != (forms == "American"):
            continue
        held_out = table["forms"].get(HELD_OUT.get(language, ""))
        for name, pattern in table["forms"].items():
            if forms == "American":
                wanted = "MMM" in pattern
            else:
                wanted = (pattern == held_out) == (forms == "held out")
            if wanted:
                found.setdefault((language, pattern), Form(language, name, pattern))
    return list(found.values())


@cache
def _characters() -> Vocabulary:
    """Return all characters that a form of any language may have."""
    days = [date(1970, month, 1) for month in range(1, 13)]
    days += [date(1970, 1, day) for day in range(1, 8)]
    every = [form for kind in get_args(Forms) for form in _forms(kind)]
    texts = [_written(day, form).text for form in every for day in days]
    return Vocabulary.of("".join([*texts, "0123456789"]))


def _written(day: date, form: Form) -> WrittenDate:
    """Write a day in a form."""
    table = date_tables()[form.language]
    text = _FIELD.sub(lambda field: _field(field[0], day, table), form.pattern)
    return WrittenDate(text, day.isoformat(), form.language[:2], form.name)


def _field(field: str, day: date, table: DateTable) -> str:
    """Write one field of a pattern, as CLDR defines it."""
    if field[0] == "'":
        return field[1:-1]
    number = {"y": day.year, "M": day.month, "d": day.day}.get(field[0])
    if field == "yy":
        return f"{day.year % 100:02d}"
    if number is not None and len(field) < 3:
        return f"{number:0{len(field)}d}"
    if field[0] == "M":
        return table["MMMM" if len(field) == 4 else "MMM"][day.month - 1]
    names = {"E": "E", "EEE": "E", "EEEE": "EEEE", "ccc": "ccc", "cccc": "cccc"}[field]
    return table[names][day.weekday()]  # type: ignore[literal-required,no-any-return]
