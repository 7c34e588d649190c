"""Pickle files: recognised by what they name, and opened only where the user allows it.

A pickle is a program, and opening one runs it. Looking at the names in it runs nothing.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import HistoryError

__all__ = ["is_pickle", "loaded", "names_in", "open_pickle"]


def open_pickle(source: str, load: Callable[[str], Any]) -> Any:
    """Return what a pickle holds. This runs code that the file names.

    Args:
        source: The file's path.
        load: Opens it, such as ``joblib.load``.

    Raises:
        HistoryError: If it cannot be opened; names a module that is missing.
    """
    try:
        return load(source)
    except ModuleNotFoundError as error:
        raise HistoryError(
            f"{source}: opening this pickle needs the module {error.name!r}, which is not "
            "installed or not on PYTHONPATH"
        ) from error
    except Exception as error:  # a pickle may run anything
        text = " ".join(str(error).split())[:160] or "it ends too early"
        if isinstance(error, AttributeError) and "__main__" in text:
            text += (
                " — it is of the script that wrote the pickle: import it from that script "
                "(study.import_trials), or write it without (skopt.dump has store_objective=False)"
            )
        raise HistoryError(
            f"{source}: cannot be opened as a pickle: {type(error).__name__}: {text}"
        ) from error


def loaded(source: str) -> Any:
    """Return what a pickle holds, compressed or not, for :func:`open_pickle`."""
    return pickle.loads(_content(source))


def names_in(source: str) -> Iterator[str]:
    """Yield the modules that a pickle names, in order, without opening it."""
    import pickletools

    try:
        content = _content(source)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return
    strings: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "GLOBAL":
                yield str(argument).partition(" ")[0]
            elif opcode.name == "STACK_GLOBAL":
                yield strings[-2] if len(strings) > 1 else ""
            elif isinstance(argument, str):
                strings.append(argument)
    except Exception:  # raw arrays of joblib's, or no pickle at all
        return


def is_pickle(source: Any) -> bool:
    """Return True if a source is a file that begins like a pickle, compressed or not."""
    if not isinstance(source, str) or not Path(source).is_file():
        return False
    try:
        return _content(source, 2)[:1] == b"\x80"
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return False


def _content(source: str, limit: int = -1) -> bytes:
    """The bytes of a file, decompressed if they are compressed."""
    with open(source, "rb") as file:
        head = file.read(6)
        file.seek(0)
        opener = _opener(head)
        if opener is None:
            return file.read(limit)
        if opener is zlib:
            return zlib.decompressobj().decompress(file.read(), max(limit, 0))
        with opener(file) as inner:
            return bytes(inner.read(limit))


def _opener(head: bytes) -> Any:
    """Return the opener for a file with these first bytes; ``None`` if it is not compressed."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.open
    if head.startswith(b"BZh"):
        return bz2.open
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open
    return zlib if head[:1] == b"\x78" else None
