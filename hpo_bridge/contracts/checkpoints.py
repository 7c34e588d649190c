"""Checkpoints: files that a trial keeps, so that its next attempt can go on from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import NoCheckpoints


class Checkpoints(Protocol):
    """The checkpoints of a study's trials; a runner with machines of its own may bring its own."""

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        """Makes the files of ``directory`` the last checkpoint of trial ``number``.

        Copies them before it returns. All or nothing: the checkpoint before stays until
        this one is whole.

        Args:
            number: The trial.
            directory: Holds at least one file; see :func:`contents`.
            keep: What ``load`` gave this attempt, and is still being read.

        Raises:
            ValueError: If ``directory`` is not one that can be kept.
            OSError: If it cannot be read, or the copy not be written.
            NoCheckpoints: If the study has no place for checkpoints.
        """
        ...

    def load(self, number: int) -> Path | None:
        """A directory with the last checkpoint of trial ``number``, if it has one.

        For the trial's running attempt alone: what else is there of the trial is removed.
        """
        ...

    def find(self, number: int) -> Path | None:
        """Return the path that ``load`` would return; changes nothing.

        Where the trial runs, it may be replaced and removed at any moment.
        """
        ...


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a directory, by names relative to it.

    Attributes:
        folders: Each before what is in it.
        files: Regular files, or links to such.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]


def contents(directory: Path) -> Contents:
    """List the files and folders of ``directory``, at any depth.

    A link to a file counts as that file. A link to a folder is refused, as it may lead
    round in a circle, and so is what is no file: a socket, a pipe.

    Raises:
        ValueError: If it is no directory, has no file, or has something else.
        OSError: If it cannot be read.
    """
    if not directory.is_dir():
        what = "is a file, not a directory" if directory.exists() else "does not exist"
        raise ValueError(f"checkpoint: {directory} {what}")
    folders, files, unread = [], [], [""]
    while unread:
        inside = unread.pop()
        with os.scandir(directory / inside) as entries:
            for entry in entries:
                name = os.path.join(inside, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    unread.append(name)
                elif entry.is_file():
                    files.append(name)
                else:
                    what = "a link to no file" if entry.is_symlink() else "no regular file"
                    raise ValueError(f"checkpoint: {entry.path} is {what}; only files are kept")
    if not files:
        raise ValueError(f"checkpoint: the directory {directory} has no files")
    return Contents(tuple(folders), tuple(files))


@dataclass(frozen=True, slots=True)
class Nowhere:
    """The checkpoints of a study that has no place for them.

    Args:
        why: What is missing, and what to do about it.
    """

    why: str

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        """Raises :class:`~hpo_bridge.errors.NoCheckpoints`."""
        raise NoCheckpoints(self.why)

    def load(self, number: int) -> Path | None:
        """``None``: nothing was ever kept."""
        return None

    def find(self, number: int) -> Path | None:
        """Raises :class:`~hpo_bridge.errors.NoCheckpoints`: there may be one elsewhere."""
        raise NoCheckpoints(self.why)

    def end(self, number: int, *, keep: bool) -> None:
        """Nothing is there to be removed."""

    def sweep(self) -> list[int]:
        """No trial has anything here."""
        return []


NOWHERE = Nowhere("this runner keeps no checkpoints; use 'inline' or 'processes'")
"""For a runner that hands on no other."""
