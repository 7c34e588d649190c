"""The parts of all pictures: colours, labels, scales, and pictures of several studies."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from hpo_bridge.contracts.record import Direction
from hpo_bridge.contracts.study_history import StudyHistory

from .picture import Picture

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F5539", "#4D4D4D")
"""Colours that are told apart with any kind of colour vision (after Okabe and Ito)."""
COMPLETE, PRUNED, FAILED, RUNNING, WAITING = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#B8B8B8"
GREY, INK = "#9A9A9A", "#222222"
MANY = 2000
"""More marks than these are drawn as pixels, so that a page stays small."""
LARGEST = 1e290
"""Values that are larger are drawn there."""
_LONGEST_LABEL = 28


class NothingToDraw(Exception):
    """A sentence that stands in place of a picture."""


def draw_each(
    histories: Sequence[StudyHistory],
    draw: Callable[[Any, StudyHistory], Sequence[str]],
    size: Callable[[StudyHistory], tuple[float, float]],
) -> Picture:
    """Draw one part per study, each below the one before.

    Args:
        histories: The studies.
        draw: Draws a study into a figure or a part of one, and returns what is to be said of it.
        size: Returns the width and the height of a study's part in inches.
    """
    sizes = [size(history) for history in histories]
    width, heights = max(each[0] for each in sizes), [each[1] for each in sizes]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    parts: Any = [figure]
    if len(histories) > 1:
        parts = figure.subfigures(len(histories), 1, height_ratios=heights)
    notes: list[str] = []
    for part, history in zip(parts, histories, strict=True):
        try:
            found = draw(part, history)
        except NothingToDraw as nothing:
            write_sentence(part, str(nothing))
            found = ()
        if len(histories) > 1:
            part.suptitle(label(history.name), x=0.01, ha="left", fontsize=10, weight="bold")
        for note in found:
            said = note if len(histories) == 1 else f"{history.name}: {note}"
            if said not in notes:
                notes.append(said)
    return finished(figure, notes)


def finished(figure: Figure, notes: Iterable[str] = ()) -> Picture:
    """Return the picture of a figure with its notes printed below."""
    notes = tuple(notes)
    if notes:
        width = max(30, int(figure.get_figwidth() * 17))
        text = "\n".join(textwrap.fill(escaped(note), width) for note in notes)
        figure.supxlabel(text, x=0.01, ha="left", fontsize=7, color="#555555")
    return Picture(figure, notes)


def write_sentence(part: Any, sentence: str) -> None:
    """Write a sentence in place of a picture."""
    axes = part.subplots()
    axes.set_axis_off()
    text = textwrap.fill(escaped(sentence), 60)
    axes.text(0.5, 0.5, text, ha="center", va="center", color=INK, transform=axes.transAxes)


def escaped(text: object) -> str:
    """Return a text of the user's to be drawn as it stands: on one line, no mathematics."""
    shown = "".join(each if each.isprintable() else " " for each in str(text))
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return shown.replace("$", r"\$")


def label(text: object, longest: int = _LONGEST_LABEL) -> str:
    """Return a text of the user's as a label: shortened where it is long."""
    plain = str(text)
    if len(plain) > longest:
        plain = plain[: longest * 2 // 3] + "…" + plain[len(plain) - longest // 3 + 1 :]
    return escaped(plain)


def legend(axes: Axes, handles: Sequence[Any], names: Sequence[str], **options: Any) -> None:
    """Add a legend whose names are the user's texts, which may begin with an underscore."""
    if not handles:
        return
    options = {"fontsize": 8, "frameon": False, **options}
    added = axes.legend(handles, [f"name {i}" for i in range(len(names))], **options)
    for text, name in zip(added.get_texts(), names, strict=True):
        text.set_text(label(name))


def style(axes: Axes) -> None:
    """Give axes the look of all pictures."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#777777")
    axes.tick_params(labelsize=8, color="#777777")
    axes.grid(True, color="#E8E8E8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
    axes.title.set_fontsize(10)


def whole_numbers(axis: Axis) -> None:
    """Let an axis have ticks at whole numbers only."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins="auto", min_n_ticks=1))


def value_label(history: StudyHistory, objective: str) -> str:
    """Return an objective's name with its direction."""
    better = "lower" if history.directions[objective] is Direction.MINIMIZE else "higher"
    return f"{label(objective)} ({better} is better)"


def set_value_scale(axis: Axis, values: Any) -> tuple[str, ...]:
    """Choose a scale on which values can be told apart: linear, logarithmic, or both.

    Returns:
        A sentence for the reader, where the scale is neither linear nor logarithmic.
    """
    found = np.asarray([v for v in values if math.isfinite(v)], dtype=float)
    if not len(found):
        return ()
    largest = float(np.abs(found).max())
    notes: tuple[str, ...] = ()
    if largest >= LARGEST:
        notes = (f"Values beyond {LARGEST:g} are drawn there.",)
    low, high = np.quantile(found / max(largest, 1e-300), [0.02, 0.9])
    is_wide = (high - low) < 0.02 * float(np.ptp(found / max(largest, 1e-300)))
    if not is_wide:
        return notes
    if found.min() > 0:
        if found.max() / found.min() > 30:
            set_log(axis, float(found.min()), float(found.max()))
        return notes
    sizes = np.abs(found[found != 0])
    threshold = max(float(np.quantile(sizes, 0.1)), largest * 1e-12)
    axis._set_axes_scale("symlog", linthresh=threshold)  # type: ignore[attr-defined]
    _plain_ticks(axis)
    return (
        *notes,
        f"The scale is linear up to {threshold:.2g} and logarithmic beyond.",
    )


def set_log(axis: Axis, low: float, high: float) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks."""
    axis._set_axes_scale("log")  # type: ignore[attr-defined]
    decades = math.log10(high) - math.log10(low) if 0 < low < high else 1.0
    if decades < 2:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    _plain_ticks(axis)


def _plain_ticks(axis: Axis) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
