"""The picture of the results: bars of ratios to the reference, a panel a case, as SVG by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.contestants import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Benchmark, Line

WIDTH = 860
_LABELS, _BARS = 190, 560  # pixels for the names, and for the longest bar
_ROW, _BAR, _TITLE, _MARGIN = 30, 11, 40, 16
_COLOURS = {"wall": "#4c78a8", "CPU": "#f58518"}
_STYLE = "text{font:12px sans-serif;fill:#555}.title,.ours{font-weight:bold}.reference{stroke:#999}"


def chart(benchmark: Benchmark) -> str:
    """The whole picture."""
    elements, y = [_legend()], _TITLE
    for case, reference in benchmark.references.items():
        lines = [line for line in benchmark.lines(case) if line.cpu_ratio and not line.wrong]
        if lines:
            elements += _panel(f"{case}, as ratios to {reference}", lines, y)
            y += _TITLE + _ROW * len(lines)
    size = f'viewBox="0 0 {WIDTH} {y + _MARGIN}" width="{WIDTH}" height="{y + _MARGIN}"'
    # Its ground is its own, so that it can be read on a dark page too.
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    body = "\n".join([f"<style>{_STYLE}</style>", ground, *elements])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'


def _legend() -> str:
    entries = ((_MARGIN + place * 80, name, colour) for place, (name, colour) in enumerate(_COLOURS.items()))
    marks = [
        _rect(x, _MARGIN, _BAR, colour) + _text(x + 18, _MARGIN + 10, name) for x, name, colour in entries
    ]
    note = _text(
        _MARGIN + 180, _MARGIN + 10, "shorter is better; lengths are logarithmic, the line is the reference"
    )
    return "".join([*marks, note])


def _panel(title: str, lines: list[Line], top: int) -> Iterator[str]:
    """A title, and two bars a client."""
    scale = Scale([ratio for line in lines for ratio in (line.wall_ratio, line.cpu_ratio)])
    yield _text(_MARGIN, top + 24, title, "title")
    first = top + _TITLE - 6
    for place, line in enumerate(lines):
        yield from _bars(line, scale, first + place * _ROW)
    x = _LABELS + scale.length(1)
    yield f'<line class="reference" x1="{x}" x2="{x}" y1="{first}" y2="{first + _ROW * len(lines)}"/>'


def _bars(line: Line, scale: Scale, y: int) -> Iterator[str]:
    yield _text(_MARGIN, y + 16, line.client, "ours" if line.client.startswith(OURS) else "")
    ratios = (line.wall_ratio, line.cpu_ratio)
    for place, (ratio, colour) in enumerate(zip(ratios, _COLOURS.values(), strict=True)):
        top, length = y + 2 + place * (_BAR + 1), scale.length(ratio)
        yield _rect(_LABELS, top, length, colour) + _text(_LABELS + length + 6, top + 10, f"{ratio:.2f}")


class Scale:
    """From ratios to pixels, by their logarithms: the slowest would make the others vanish.

    Args:
        ratios: All that are to be shown.
    """

    def __init__(self, ratios: list[float]) -> None:
        self._least = min(*ratios, 1) / 1.5
        self._span = math.log(max(*ratios, 1.5) / self._least)

    def length(self, ratio: float) -> int:
        """Of the bar of a ratio."""
        return round(_BARS * math.log(ratio / self._least) / self._span)


def _rect(x: int, y: int, width: int, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{_BAR}" fill="{colour}"/>'


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'
