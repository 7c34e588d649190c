"""``hpo-bridge init``: files that run as they are, to change into one's own."""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from shlex import quote

from ..errors import ConfigError

PREFIXES = ("hpo-bridge-", "hpo-")
"""Prefixes of a distribution's name that its backends' names do without."""
STUDY_FILES = {"study.yaml": "study.yaml", "objective.py": "first_objective.py"}
PLUGIN_FILES = ("pyproject.toml", "hpo_acme.py", "tests/test_conformance.py", "README.md")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+)*")
_ACME = re.compile(r"hpo-acme|hpo_acme|acme\.climb|^acme(?= =)", re.MULTILINE)


def write_study(folder: Path) -> None:
    """Write ``study.yaml`` and ``objective.py``, and say what to do next.

    Raises:
        ConfigError: If one of them exists already, or the folder cannot be written.
    """
    for name in STUDY_FILES:
        if (folder / name).exists():
            raise ConfigError(f"{folder / name}: is there already; nothing was written")
    _write(folder, {name: _template("study", file) for name, file in STUDY_FILES.items()})
    print(f"wrote {' and '.join(str(folder / name) for name in STUDY_FILES)}")
    print(f"next: hpo-bridge run {folder / 'study.yaml'}")


def write_plugin(name: str, folder: Path | None) -> None:
    """Write a distribution with one backend that passes the kit, and say what to do next.

    Args:
        name: The distribution's name.
        folder: The target; by default a new folder of that name.

    Raises:
        ConfigError: If the name cannot be used, or the folder is not empty.
    """
    names = PluginNames.of(name)
    folder = Path(names.distribution) if folder is None else folder
    files = {names.insert(file): names.insert(_template("plugin", file)) for file in PLUGIN_FILES}
    _write(folder, files, into_empty=True)
    print(f"wrote {', '.join(str(folder / path) for path in files)}")
    print(f"next: pip install -e {quote(str(folder))} && hpo-bridge check {names.backend}")


def _template(kind: str, name: str) -> str:
    path = resources.files(__package__).joinpath("templates", kind, *name.split("/"))
    return path.read_text(encoding="utf-8")


def _write(folder: Path, files: Mapping[str, str], *, into_empty: bool = False) -> None:
    try:
        if into_empty and folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: is not empty; nothing was written")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class PluginNames:
    """The names of a plugin's parts.

    Attributes:
        distribution: The name for ``pip install``.
        module: The name for ``import``.
        backend: The name in a study file.
    """

    distribution: str
    module: str
    backend: str

    @classmethod
    def of(cls, name: str) -> PluginNames:
        """Return all names that follow from a distribution's.

        Raises:
            ConfigError: If it is no name of a distribution and of a module, or is taken.

        Example:
            >>> PluginNames.of("hpo-acme")
            PluginNames(distribution='hpo-acme', module='hpo_acme', backend='acme.climb')
        """
        plain = re.sub(r"[-_.]+", "-", name).lower()
        module = plain.replace("-", "_")
        if not _NAME.fullmatch(name) or keyword.iskeyword(module):
            raise ConfigError(
                f"--plugin: {name!r} is no name of a distribution and a module: expected "
                "letters, digits and single hyphens, a letter first, such as hpo-acme"
            )
        _check_free(plain, module)
        short = next((plain.removeprefix(p) for p in PREFIXES if plain.startswith(p)), plain)
        short = short if short[:1].isalpha() else plain
        return cls(plain, module, f"{short}.climb")

    def insert(self, text: str) -> str:
        """Replace the names of the template, ``hpo-acme`` and its parts, by these."""
        names = {
            "hpo-acme": self.distribution, "hpo_acme": self.module, "acme.climb": self.backend,
            "acme": self.backend.partition(".")[0],
        }  # fmt: skip
        return _ACME.sub(lambda match: names[match[0]], text)


def _check_free(distribution: str, module: str) -> None:
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:  # else a folder that is no package
        raise ConfigError(
            f"--plugin: a module {module!r} is there already ({spec.origin}): choose another name"
        )
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return
    raise ConfigError(
        f"--plugin: a distribution {distribution!r} is installed already: choose another name"
    )
