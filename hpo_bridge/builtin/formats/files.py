"""Files that are written whole or not at all, and what can be wrong with one that is read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ...errors import HistoryError


@contextmanager
def written_whole(target: str, *, overwrite: bool, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write to that takes its place under ``target`` once the body has ended well.

    Raises:
        HistoryError: If ``target`` is there and ``overwrite`` is false, or it cannot be written.
    """
    path = Path(target)
    if path.is_dir():
        raise HistoryError(f"{target}: is a folder, expected the name of a file")
    check_absent(path.exists(), target, overwrite=overwrite)
    if not path.parent.is_dir():
        raise HistoryError(
            f"{target}: the folder {path.parent} does not exist", fix="create it first"
        )
    try:
        name = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except OSError as error:
        raise HistoryError(f"{target}: cannot be written: {error.strerror}") from error
    try:
        text = {} if binary else {"encoding": "utf-8", "newline": ""}
        with open(descriptor, "wb" if binary else "w", **text) as file:  # type: ignore[call-overload]
            yield file
        os.replace(name, path)
    except OSError as error:
        raise HistoryError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def check_absent(present: bool, target: str, *, overwrite: bool) -> None:
    """Raises HistoryError if something is there that must not be overwritten."""
    if present and not overwrite:
        raise HistoryError(f"{target}: is there already; --overwrite replaces it")


def read_text(source: str) -> str:
    """A text file's content, without a byte order mark.

    Raises:
        HistoryError: If it cannot be read, or is not UTF-8.
    """
    try:
        return Path(source).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HistoryError(
            f"{source}: is not text in UTF-8 (byte {error.start}); save it in that encoding"
        ) from None
    except OSError as error:
        raise HistoryError(f"{source}: cannot be read: {error.strerror}") from error


def is_file(source: Any, *suffixes: str) -> bool:
    """Return True if a source is the path of a file with one of these suffixes."""
    return isinstance(source, str) and source.lower().endswith(suffixes) and os.path.isfile(source)
