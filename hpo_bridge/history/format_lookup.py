"""The look-up of the format of a source or a target."""

from __future__ import annotations

import os
from typing import Any, cast

from ..contracts.format import HistoryReader, HistoryWriter
from ..contracts.specs import FormatSpec
from ..errors import HistoryError, short
from ..plugins import PluginManager

PICKLE = "a pickle can run any code when it is opened"


def shown(source: Any) -> str:
    """A source for messages and for the log: a path or a URL without its password."""
    if not isinstance(source, (str, os.PathLike)):
        return f"a {type(source).__module__.partition('.')[0]} {type(source).__name__}"
    text = os.fspath(source)
    scheme, found, rest = str(text).partition("://")
    if not found or "@" not in rest:
        return str(text)
    return f"{scheme}://{rest.rpartition('@')[2]}"


def reader_of(
    plugins: PluginManager, source: Any, format: str | None, *, allow_pickle: bool
) -> tuple[str, HistoryReader]:
    """The format of a source, and what reads it.

    Args:
        plugins: Where to find it.
        source: A path, a URL, or an object of a library's.
        format: The name, if the user says so.
        allow_pickle: Whether the user allows to open pickles.

    Raises:
        HistoryError: If the source is there no more, or of no known format; if it is a pickle,
            and these are not allowed.
        UnknownName: If there is no such format, or what it needs is not installed.
    """
    name = format or _recognise(plugins, source)
    spec = cast("FormatSpec", plugins.find("format", name).spec)
    reader = plugins.build("format", name, {})
    if not spec.reads or not isinstance(reader, HistoryReader):
        raise HistoryError(f"format {name!r} can be written only; {_describe_formats(plugins)}")
    if spec.pickle and isinstance(source, str) and not allow_pickle:
        raise HistoryError(
            f"{shown(source)}: is a pickle, and {PICKLE}: --unpickle (in Python "
            "allow_pickle=True) opens one that you trust"
        )
    return name, reader


def writer_of(
    plugins: PluginManager, target: str, format: str | None
) -> tuple[str, HistoryWriter]:
    """The format of a target, and what writes it.

    Raises:
        HistoryError: If it is not clear from the target's name which one is meant.
        UnknownName: If there is no such format, or what it needs is not installed.
    """
    name = format
    if name is None:
        fitting = [
            each for each in _active(plugins, writes=True)
            if cast("HistoryWriter", plugins.build("format", each, {})).suits(target)
        ]  # fmt: skip
        if len(fitting) != 1:
            known = ", ".join(_active(plugins, writes=True))
            raise HistoryError(
                f"{shown(target)}: its name does not say which format is meant; --to takes {known}"
            )
        (name,) = fitting
    writer = plugins.build("format", name, {})
    if not isinstance(writer, HistoryWriter):
        raise HistoryError(f"format {name!r} can be read only; {_describe_formats(plugins)}")
    return name, writer


def _recognise(plugins: PluginManager, source: Any) -> str:
    if isinstance(source, str) and "://" not in source and not os.path.exists(source):
        raise HistoryError(f"{source}: there is no such file or folder")
    names = [
        name for name in _active(plugins, writes=False)
        if cast("HistoryReader", plugins.build("format", name, {})).recognises(source)
    ]  # fmt: skip
    if len(names) == 1:
        return names[0]
    what = shown(source) if isinstance(source, str) else short(source)
    if names:
        raise HistoryError(f"{what}: could be {' or '.join(names)}; --from says which")
    if isinstance(source, str) and _is_store(source):
        raise HistoryError(
            f"{what}: is a store of hpo-bridge",
            fix="export its study as JSON, which can be imported",
        )
    raise HistoryError(
        f"{what}: is of no known format; {_describe_formats(plugins)}; --from says which"
    )


def _is_store(source: str) -> bool:
    """Return True if a file's first pages are those of a SQLite store of hpo_bridge."""
    if not os.path.isfile(source):
        return False
    with open(source, "rb") as file:
        head = file.read(2**16)
    return head.startswith(b"SQLite format 3") and b"hpo_meta" in head


def _active(plugins: PluginManager, *, writes: bool) -> list[str]:
    """The names of the formats that can be read, or written."""
    offers = plugins.offers("format")
    return [
        offer.spec.name for offer in offers
        if offer.status == "active"
        and (offer.spec.writes if writes else offer.spec.reads)  # type: ignore[union-attr]
    ]  # fmt: skip


def _describe_formats(plugins: PluginManager) -> str:
    """The formats, and those that lack something."""
    reads, writes = (_active(plugins, writes=each) for each in (False, True))
    text = f"formats read: {', '.join(reads)}; written: {', '.join(writes)}"
    lacking = [o for o in plugins.offers("format") if o.status != "active"]
    for offer in lacking[:1]:
        text += f" ({offer.spec.name} is {offer.status}: {offer.reason})"
    return text
