"""The objective's folder, on its way to machines that do not have it."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from hpo_bridge.contracts.objective import Objective
from hpo_bridge.errors import ObjectiveError

LARGEST = 100 * 2**20
"""Bytes of a folder beyond which it is not sent."""
_LEFT_OUT = {".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", ".mypy_cache"}
_SUFFIXES = {".db", ".db-wal", ".db-shm", ".pyc"}


@dataclass(frozen=True)
class CodeFolder:
    """A folder as it was on the driver's machine.

    Attributes:
        path: Where it is there.
        print: A digest of names, sizes and times: the same folder elsewhere has the same.
        archive: A zip file of it; ``None`` where every machine has it.
    """

    path: str
    print: str
    archive: bytes | None

    @classmethod
    def packed(cls, path: str, *, sent: bool) -> CodeFolder:
        """The folder at ``path``, with its files if they are to be sent.

        Raises:
            ObjectiveError: If it is too large to be sent.
        """
        files = _files(Path(path))
        return cls(path, _print(path, files), _zip(path, files) if sent else None)

    def here(self, place: Path) -> str:
        """Its path on this machine; unpacks it below ``place`` unless it is here, unchanged."""
        if self.archive is None or _print(self.path, _files(Path(self.path))) == self.print:
            return self.path
        with zipfile.ZipFile(io.BytesIO(self.archive)) as archive:
            archive.extractall(place)
        return str(place)


def root_of(objective: Objective) -> str | None:
    """The folder that an objective needs: its own, or that of its file if it is elsewhere."""
    folder = getattr(objective, "folder", None)
    if not isinstance(folder, str):
        return None
    path = getattr(objective, "path", None)
    if isinstance(path, Path) and not path.is_relative_to(folder):
        return str(path.parent)
    return folder


def moved(objective: Objective, before: str, after: str) -> Objective:
    """The objective with its folder in another place."""
    changes = {"folder": after}
    path = getattr(objective, "path", None)
    if isinstance(path, Path):
        changes["source"] = str(path.relative_to(before))
    changed: Objective = replace(objective, **changes)  # type: ignore[type-var]
    return changed


def _files(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        found += [Path(place, name) for name in sorted(names)]
    return [file for file in found if file.suffix not in _SUFFIXES and file.is_file()]


def _print(path: str, files: list[Path]) -> str:
    digest = blake2b(digest_size=10)
    for file in files:
        digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
        if file.suffix == ".py":
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _zip(path: str, files: list[Path]) -> bytes:
    size = sum(file.stat().st_size for file in files)
    if size > LARGEST:
        raise ObjectiveError(
            f"the objective's folder {path} has {size >> 20} MB, and is sent to the cluster's "
            f"other machines up to {LARGEST >> 20} MB",
            fix="keep data elsewhere",
        )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(path))
    return target.getvalue()
