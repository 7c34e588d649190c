"""Checkpoints of a study on a disk.

Each study has a folder, each of its trials one in that, and each checkpoint one
more, numbered::

    FOLDER/digits-cnn-3f0c1d2e4b5a6978/12/3/model.pt

A checkpoint is written under another name and renamed when it is whole; the highest number
is the last. What is removed is renamed first. So a kill at any moment leaves whole
checkpoints, and files under names that the next look at that trial clears away. There are
only the user's own files: no index, no pickle, nothing that is run.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from .checkpoints import Contents, contents

_NEW, _OLD = "new-", "old-"  # being written; being removed


def identity_of(study: str, created: float) -> str:
    """A word that tells a study from every other, also from an earlier one of its name.

    Args:
        study: Its name.
        created: When it was, seconds since the epoch.

    >>> identity_of("a/b", 1.0)
    'a_b-5d27e0008c37ef9f'
    """
    identity = f"{created!r}/{study}".encode(errors="surrogatepass")
    shown = re.sub(r"[^A-Za-z0-9_-]+", "_", study).strip("_-")[:50] or "study"
    return f"{shown}-{blake2b(identity, digest_size=8).hexdigest()}"


@dataclass(frozen=True, slots=True)
class CheckpointFolder:
    """The checkpoints of one study on a disk. Can be pickled; holds nothing open.

    Args:
        path: The study's folder; created when the first checkpoint is kept.
        private: Whether only this user may look inside.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     work = Path(folder, "work")
        ...     work.mkdir()
        ...     _ = (work / "epoch").write_text("3")
        ...     kept = CheckpointFolder(Path(folder, "study"))
        ...     kept.save(7, work)
        ...     (kept.load(7) / "epoch").read_text(), kept.load(8)
        ('3', None)
    """

    path: Path
    private: bool = False

    @classmethod
    def of(
        cls, root: Path, study: str, created: float, *, private: bool = False
    ) -> CheckpointFolder:
        """The folder of a study below ``root``.

        Its name begins like the study's; a hash of that name and of the time of creation
        tells it from every other study, also from an earlier one of the same name.

        >>> CheckpointFolder.of(Path("here"), "a/b", 1.0).path.name
        'a_b-5d27e0008c37ef9f'
        """
        return cls(root / identity_of(study, created), private)

    # -- for the running attempt ------------------------------------------------------

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        """Makes the files of ``directory`` the last checkpoint; see :class:`Checkpoints`.

        The copy is on the disk, not only with the system, before it takes its place: after
        a power cut, too, a checkpoint is whole.
        """
        if self.path.resolve().is_relative_to(directory.resolve()):
            raise ValueError(f"checkpoint: {directory} holds the study's checkpoints themselves")
        found = contents(directory)
        place = self._place(number)
        _tidy(place, keep)
        self.path.mkdir(0o700 if self.private else 0o777, parents=True, exist_ok=True)
        place.mkdir(exist_ok=True)
        new = place / f"{_NEW}{secrets.token_hex(6)}"
        try:
            _copy(directory, found, new)
            new.rename(place / str((_last(place) or 0) + 1))
            _flush(place)
        except BaseException:
            _discard(new)
            raise
        with suppress(OSError):  # it is kept, whatever becomes of the ones before
            _tidy(place, keep)

    def load(self, number: int) -> Path | None:
        """The last checkpoint; see :class:`Checkpoints`."""
        _tidy(self._place(number), None)
        return self.find(number)

    # -- for the study ----------------------------------------------------------------

    def find(self, number: int) -> Path | None:
        """The last checkpoint of trial ``number``, if it has one; changes nothing."""
        place = self._place(number)
        last = _last(place)
        return None if last is None else place / str(last)

    def end(self, number: int, *, keep: bool) -> None:
        """A trial has ended: keeps only its last checkpoint, or nothing of it.

        What the system does not allow to be removed stays.
        """
        if not os.path.lexists(f"{self.path}/{number}"):  # asked at the end of every trial
            return
        place = self._place(number)
        with suppress(OSError):
            if keep:
                _tidy(place, None)
            else:
                _discard(place)

    def sweep(self) -> list[int]:
        """Goes on with what a killed driver was removing, as far as the system allows.

        Returns:
            The numbers of the trials that have something here, in order.
        """
        try:
            names = _list_names(self.path)
        except OSError:
            return []
        for name in names:
            if name.startswith(_OLD):
                _discard(self.path / name)
        return _numbers(names)

    def _place(self, number: int) -> Path:
        return self.path / str(number)


def _list_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _last(place: Path) -> int | None:
    """The number of a trial's last checkpoint."""
    return max(_numbers(_list_names(place)), default=None)


def _numbers(names: list[str]) -> list[int]:
    """Those of the names that are numbers as we write them, in order."""
    return sorted(int(name) for name in names if re.fullmatch(r"0|[1-9][0-9]*", name))


def _tidy(place: Path, keep: Path | None) -> None:
    """Removes all of a trial but its last checkpoint and ``keep``."""
    names = _list_names(place)
    versions = _numbers(names)
    ours = [str(version) for version in versions[:-1]]
    ours += [name for name in names if name.startswith((_NEW, _OLD))]
    for name in ours:
        if place / name != keep:
            _discard(place / name)
    if not versions:
        with suppress(OSError):  # not there, or not empty: it has a stranger's file
            place.rmdir()


def _discard(path: Path) -> None:
    """Removes a folder. Renamed first: nobody takes a part of it for the whole."""
    gone = path
    if not path.name.startswith(_OLD):
        gone = path.with_name(f"{_OLD}{secrets.token_hex(6)}")
        try:
            path.rename(gone)
        except OSError:
            return
    shutil.rmtree(gone, ignore_errors=True)


def _copy(directory: Path, found: Contents, to: Path) -> None:
    to.mkdir()
    for name in found.folders:
        (to / name).mkdir()
    for name in found.files:
        shutil.copyfile(directory / name, to / name)
        _flush(to / name)
    for name in ("", *found.folders):
        _flush(to / name)


def _flush(path: Path) -> None:
    """Sees to it that a file, or a folder's list of names, is on the disk itself."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
