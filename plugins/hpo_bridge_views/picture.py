"""A picture: a figure of matplotlib's that notebooks show and files take."""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from hpo_bridge.errors import HpoBridgeError, nearest

# Texts stay texts, to be found and copied, and equal pictures are equal files.
_SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "hpo_bridge", "pdf.fonttype": 42}
_DATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
_PAGE_DPI = 110  # of marks that are drawn as pixels


class Picture:
    """A figure and what is to be said beside it.

    Args:
        figure: The figure.
        notes: What the reader must know, a sentence each, such as what was left out.

    Attributes:
        figure: The figure, to be changed at will.
        notes: The sentences.
    """

    def __init__(self, figure: Figure, notes: tuple[str, ...] = ()) -> None:
        self.figure = figure
        self.notes = notes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure; the name's ending says in which format, such as .png, .svg or .pdf.

        Raises:
            HpoBridgeError: If there is no such format, or the file cannot be written.
        """
        ending = Path(path).suffix[1:].lower()
        known = sorted(self.figure.canvas.get_supported_filetypes())
        if ending not in known:
            raise HpoBridgeError(
                f"{os.fspath(path)}: found the ending {ending!r}, expected one of "
                f"{', '.join(known)}{nearest(ending, known)}"
            )
        try:
            with _drawing():
                self.figure.savefig(path, dpi=150, metadata=_DATED.get(ending))
        except OSError as error:
            raise HpoBridgeError(f"{os.fspath(path)} cannot be written: {error}") from error

    def to_svg(self) -> str:
        """Return the figure as an ``<svg>`` element, for a page."""
        text = StringIO()
        with _drawing(), _laid_out(self.figure) as canvas:
            canvas.print_svg(text, metadata=_DATED["svg"])
        return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]

    def _repr_html_(self) -> str:
        data = BytesIO()
        with _drawing():
            self.figure.savefig(data, format="png", dpi=100)
        return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


@contextmanager
def _drawing() -> Iterator[None]:
    """Set how figures are written; a character that no font has is drawn as a box, silently."""
    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


@contextmanager
def _laid_out(figure: Figure) -> Iterator[Any]:
    """Lay a figure out, and yield the canvas that writes it; `savefig` would draw it twice."""
    engine, before, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    canvas = FigureCanvasSVG(figure)
    try:
        if engine is not None:
            figure.dpi = canvas.fixed_dpi
            engine.execute(figure)
            figure.set_layout_engine("none")
        figure.dpi = _PAGE_DPI
        yield canvas
    finally:
        figure.dpi = dpi
        figure.set_canvas(before)
        figure.set_layout_engine(engine or "none")
