"""A picture: a figure of matplotlib's that notebooks show and files take."""

from __future__ import annotations

import base64
import os
from io import BytesIO, StringIO
from pathlib import Path

from matplotlib.figure import Figure

from hpo_bridge.errors import HpoBridgeError, nearest


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
            self.figure.savefig(path, dpi=150)
        except OSError as error:
            raise HpoBridgeError(f"{os.fspath(path)} cannot be written: {error}") from error

    def to_svg(self) -> str:
        """Return the figure as an ``<svg>`` element, for a page."""
        text = StringIO()
        self.figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue().partition("<svg")[1] + text.getvalue().partition("<svg")[2]

    def _repr_html_(self) -> str:
        data = BytesIO()
        self.figure.savefig(data, format="png", dpi=100)
        return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'
