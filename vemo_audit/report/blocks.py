"""The page as data: sections, blocks and cells that a layout shows and that tests can ask."""

import math
from dataclasses import dataclass
from typing import ClassVar

from vemo_audit.records.finding import Verdict
from vemo_audit.report import numbers


@dataclass(frozen=True, slots=True)
class Text:
    """Words in a cell. `code` is set in a fixed-width face."""

    text: str
    code: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Number:
    """A number and its interval. `fact` is the id of the measurement or gap in the run that it comes from."""

    value: float
    low: float = math.nan
    high: float = math.nan
    unit: str = "plain"  # one of numbers.UNITS
    fact: str = ""
    approximate: bool = False
    kind: ClassVar[str] = "number"

    @property
    def text(self) -> str:
        return numbers.amount(self.value, self.unit)

    @property
    def interval(self) -> str:
        """The interval in words; empty when there is none."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return ""
        return numbers.interval(self.low, self.high, self.unit)


@dataclass(frozen=True, slots=True)
class Refused:
    """A number that must not be printed, and why."""

    state: str
    text: str
    kind: ClassVar[str] = "refused"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A count kept back to protect people. `at_least`: large, but its exact value would give a small one away."""

    below: int
    at_least: bool = False
    kind: ClassVar[str] = "suppressed"

    @property
    def text(self) -> str:
        return f"{self.below} or more" if self.at_least else f"fewer than {self.below}"


Cell = Text | Number | Refused | Suppressed


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; numbers are set flush right, sentences get room."""

    title: str
    numeric: bool = False
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a caption. The first cell of a row is its heading."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    number: int = 0
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart of its own table; `form` names the chart. `margin` is the limit that a plan sets, in the table's unit."""

    form: str  # 'whisker', 'strip', 'reliability', 'confusion', 'timeline' or 'units'
    title: str
    description: str
    table: Table
    margin: float = math.nan
    note: str = ""
    number: int = 0
    id: str = ""
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True, slots=True)
class Panels:
    """Small charts of one form side by side."""

    title: str
    figures: tuple[Figure, ...]
    note: str = ""
    kind: ClassVar[str] = "panels"


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs. `tone` is '' (plain), 'key' (a sentence to remember) or 'notice' (a restriction)."""

    paragraphs: tuple[str, ...]
    tone: str = ""
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Names with values."""

    pairs: tuple[tuple[str, Text], ...]
    kind: ClassVar[str] = "keyvalues"


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One criterion: the demand in words, the verdict, and the sentences that decided it."""

    verdict: Verdict
    demand: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts, worst first."""

    lines: tuple[VerdictLine, ...]
    kind: ClassVar[str] = "verdicts"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of the gate, large: a word, a shape and one sentence."""

    shape: str  # a Verdict value: decides the shape, never the only carrier of meaning
    word: str
    sentence: str
    kind: ClassVar[str] = "outcome"


@dataclass(frozen=True, slots=True)
class Folded:
    """Tables behind a summary line; open in print."""

    summary: str
    tables: tuple[Table, ...]
    kind: ClassVar[str] = "folded"


Block = Prose | Bullets | Heading | Table | Figure | Panels | KeyValues | Verdicts | Outcome | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. A `required` section cannot be left out by a layout."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a layout may show."""

    kind: str  # in words, above the title: 'Audit report', 'Inference record'
    title: str
    question: str
    header: KeyValues
    sections: tuple[Section, ...]
    foot: tuple[str, ...]
    language: str = "en"
