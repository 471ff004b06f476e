"""Panels of dots on logarithmic axes, as SVG by hand.

Each row is a client: a full dot, and a hollow one for a second figure. Figures are beside them in columns of
their own, so that nothing lies on anything else. A picture has a ground of its own, and another where the
reader's system is dark.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 1040
_MARGIN, _GAP, _HEAD = 24, 36, 96
_PANEL = (WIDTH - 2 * _MARGIN - _GAP) // 2
_LABELS, _SAID = 154, 120  # columns of names and of figures, left and right of the axis
_AXIS = _PANEL - _LABELS - _SAID
_ROW, _PANEL_HEAD, _PANEL_FOOT = 20, 50, 30
_DOT = 4.5
_LABELLED_TICKS = 5
_LIGHT = {
    "ground": "#ffffff",
    "text": "#1f2328",
    "soft": "#59636e",
    "grid": "#e4e8ec",
    "stripe": "#e6f1fd",
    "ours": "#0b62d6",
    "reference": "#bc4c00",
    "other": "#818b98",
}
_DARK = {
    "ground": "#0d1117",
    "text": "#f0f6fc",
    "soft": "#9198a1",
    "grid": "#262c36",
    "stripe": "#132339",
    "ours": "#58a6ff",
    "reference": "#f0883e",
    "other": "#7d8590",
}
_FORM = "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}"
_BOLD = ".title,.ours-text{font-weight:600}.title{font-size:13px}.main{font-size:17px;font-weight:600}"


class Kind(StrEnum):
    """How a row is drawn."""

    OURS = "ours"
    REFERENCE = "reference"
    OTHER = "other"


class Point(NamedTuple):
    """A dot.

    Attributes:
        value: Where, more than 0.
        is_hollow: Whether it is only outlined.
    """

    value: float
    is_hollow: bool = False


class Row(NamedTuple):
    """A line of a panel.

    Attributes:
        label: Whose it is.
        points: Its dots.
        said: Two columns of figures, in words.
        kind: How it is drawn.
    """

    label: str
    points: tuple[Point, ...]
    said: tuple[str, str]
    kind: Kind


class Panel(NamedTuple):
    """A part of the picture.

    Attributes:
        title: What was done.
        note: What is shown of it.
        rows: From above.
        unit: After the numbers of its axis.
    """

    title: str
    note: str
    rows: tuple[Row, ...]
    unit: str

    @property
    def height(self) -> int:
        """In pixels."""
        return _PANEL_HEAD + _ROW * len(self.rows) + _PANEL_FOOT


class Scale:
    """From figures to pixels, by their logarithms: the slowest would make the others one.

    Args:
        values: All that are to be shown.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self._least = min(values, default=1.0) / 1.25
        self._span = math.log(max(values, default=1.0) * 1.25 / self._least)

    def x(self, value: float) -> float:
        """How far from the left."""
        return round(_AXIS * math.log(value / self._least) / self._span, 1)

    def ticks(self) -> list[float]:
        """Ones, twos and fives, as far as the axis reaches."""
        first, last = (
            math.floor(math.log10(end)) for end in (self._least, self._least * math.exp(self._span))
        )
        steps = [step * 10.0**power for power in range(first, last + 1) for step in (1, 2, 5)]
        return [step for step in steps if 0 <= self.x(step) <= _AXIS]


def labelled(ticks: list[float]) -> list[float]:
    """Those with room for a number: all of a few, else the powers of ten."""
    if len(ticks) <= _LABELLED_TICKS:
        return ticks
    return [tick for tick in ticks if math.isclose(math.log10(tick) % 1, 0, abs_tol=1e-9)]


def picture(title: str, said: str, panels: Sequence[Panel]) -> str:
    """All panels, two abreast.

    Args:
        title: Above everything.
        said: A line below it.
        panels: From left to right, and from above.
    """
    elements, top = [*_head(title, said)], _HEAD
    for pair in (panels[place : place + 2] for place in range(0, len(panels), 2)):
        for place, panel in enumerate(pair):
            elements += _placed(panel, _MARGIN + place * (_PANEL + _GAP), top)
        top += max(panel.height for panel in pair)
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    body = "\n".join([f"<style>{_style()}</style>", *elements])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'


def _style() -> str:
    dark = "".join(_colours(_DARK))
    return f"{_FORM}{''.join(_colours(_LIGHT))}{_BOLD}@media(prefers-color-scheme:dark){{{dark}}}"


def _colours(of: dict[str, str]) -> Iterator[str]:
    yield f"text{{fill:{of['text']}}}.soft{{fill:{of['soft']}}}.ground{{fill:{of['ground']}}}"
    yield f".grid{{stroke:{of['grid']}}}.stripe{{fill:{of['stripe']}}}.one{{stroke:{of['reference']}}}"
    for kind in Kind:
        yield f".{kind}{{fill:{of[kind]};stroke:{of[kind]};stroke-width:1.5}}"
        yield f".{kind}-text{{fill:{of[kind] if kind != Kind.OTHER else of['text']}}}"
    yield f".hollow{{fill:{of['ground']}}}"


def _head(title: str, said: str) -> Iterator[str]:
    yield '<rect class="ground" width="100%" height="100%"/>'
    yield f"<title>{escape(title)}</title>"
    yield _text(_MARGIN, 34, title, "main")
    yield _text(_MARGIN, 54, said, "soft")
    keys = (("this library", Kind.OURS), ("the reference", Kind.REFERENCE), ("others", Kind.OTHER))
    x = _MARGIN + _DOT
    for name, kind in keys:
        yield _dot(x, 74, kind, is_hollow=False) + _text(x + 10, 78, name)
        x += 110
    yield _dot(x, 74, Kind.OTHER, is_hollow=True) + _text(x + 10, 78, "hollow: processor time")
    yield _text(WIDTH - _MARGIN, 78, "logarithmic axes; the further left, the better", "soft", "end")


def _placed(panel: Panel, left: int, top: int) -> Iterator[str]:
    yield f'<g transform="translate({left} {top})">'
    yield _text(0, 22, panel.title, "title")
    yield _text(0, 39, panel.note, "soft")
    scale = Scale([point.value for row in panel.rows for point in row.points])
    bottom = _PANEL_HEAD + _ROW * len(panel.rows)
    yield from (_stripe(place) for place, row in enumerate(panel.rows) if row.kind is Kind.OURS)
    yield from _axis(scale, panel.unit, bottom)
    for place, row in enumerate(panel.rows):
        yield from _row(row, scale, _PANEL_HEAD + place * _ROW + _ROW // 2)
    yield "</g>"


def _stripe(place: int) -> str:
    y = _PANEL_HEAD + place * _ROW
    return f'<rect class="stripe" x="-6" y="{y}" width="{_PANEL + 12}" height="{_ROW}"/>'


def _axis(scale: Scale, unit: str, bottom: int) -> Iterator[str]:
    """Lines from top to bottom, numbers below; that of the reference is its own."""
    ticks = scale.ticks()
    numbers = labelled(ticks)
    for tick in ticks:
        x = round(_LABELS + scale.x(tick), 1)
        kind = "grid one" if unit == "x" and tick == 1 else "grid"
        yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_PANEL_HEAD}" y2="{bottom}"/>'
        if tick in numbers:
            yield _text(x, bottom + 15, f"{tick:,g}{unit}", "soft", "middle")


def _row(row: Row, scale: Scale, middle: int) -> Iterator[str]:
    yield _text(0, middle + 4, row.label, f"{row.kind}-text")
    for point in row.points:
        yield _dot(_LABELS + scale.x(point.value), middle, row.kind, is_hollow=point.is_hollow)
    first, second = row.said
    yield _text(_PANEL - 50, middle + 4, first, f"{row.kind}-text", "end")
    yield _text(_PANEL, middle + 4, second, "soft", "end")


def _dot(x: float, y: float, kind: Kind, *, is_hollow: bool) -> str:
    return f'<circle class="{kind}{" hollow" if is_hollow else ""}" cx="{x:.1f}" cy="{y}" r="{_DOT}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x}" y="{y}" class="{kind}"{where}>{escape(text)}</text>'
