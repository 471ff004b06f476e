"""Charts as SVG, of a few kilobytes however long a run was; each says in words what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from de_classes.html.elements import element

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.html.elements import Html

WIDTH: Final = 1_000
HEIGHT: Final = 100
_GAP: Final = 0.12
_LEAST_HEIGHT: Final = 1.5


def stacked_bars(series: Mapping[str, Sequence[float]], told: str) -> Html:
    """Bars side by side, each made of several series on top of each other.

    Args:
        series: By class name, which says the colour, from the bottom up: a value for each bar.
        told: What it shows, in words.
    """
    bars = max((len(values) for values in series.values()), default=0)
    heights = [sum(values[at] for values in series.values()) for at in range(bars)]
    most = max(heights, default=0.0) or 1.0
    wide = WIDTH / max(bars, 1)
    filled = [0.0] * bars
    paths = []
    for name, values in series.items():
        steps = []
        for at, value in enumerate(values):
            if not value:
                continue
            high = max(value / most * HEIGHT, _LEAST_HEIGHT)
            filled[at] += high
            steps.append(_box(at * wide + wide * _GAP / 2, HEIGHT - filled[at], wide * (1 - _GAP), high))
        if steps:
            paths.append(element("path", class_=name, d="".join(steps)))
    return _chart(told, "chart", HEIGHT, *paths)


def strip(cells: Sequence[str], told: str) -> Html:
    """Cells in a row.

    Args:
        cells: Their class names, which say their colours; at most some hundred.
        told: What it shows, in words.
    """
    high = 24
    wide = WIDTH / max(len(cells), 1)
    paths = [
        element(
            "path",
            class_=name,
            d="".join(
                _box(at * wide + wide * _GAP / 2, 0, wide * (1 - _GAP), high)
                for at, cell in enumerate(cells)
                if cell == name
            ),
        )
        for name in dict.fromkeys(cells)
    ]
    return _chart(told, "strip", high, *paths)


def _chart(told: str, kind: str, high: int, *paths: Html) -> Html:
    return element(
        "svg",
        element("title", told),
        *paths,
        class_=kind,
        role="img",
        viewBox=f"0 0 {WIDTH} {high}",
        preserveAspectRatio="none",
    )


def _box(left: float, top: float, wide: float, high: float) -> str:
    return f"M{left:.1f} {top:.1f}h{wide:.2f}v{high:.1f}h-{wide:.2f}z"
