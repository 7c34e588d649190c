"""The requirements of plugins, read from installed metadata before anything is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OURS = "hpo-bridge"
"""The name of our distribution."""
SHARED = ("all", "dev")
"""Extras that are never recommended: they bring far more than one library."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """Requirements that the installed distributions do not meet.

    Attributes:
        requirements: Their texts, at least one.
        states: What is wrong with each, such as ``is not installed``.
        fix: The command that installs them; empty where a requirement is not valid.
    """

    requirements: tuple[str, ...]
    states: tuple[str, ...]
    fix: str

    @property
    def library(self) -> str:
        """The name of the first library that is missing."""
        from packaging.requirements import Requirement

        return _name(Requirement(self.requirements[0]))

    def first(self, distribution: str | None, requires: Sequence[str]) -> Unmet:
        """Return the first requirement alone; for the arguments see :func:`unmet`."""
        fix = install_command(distribution, self.requirements[:1], requires)
        return Unmet(self.requirements[:1], self.states[:1], fix)

    def __str__(self) -> str:
        if not self.fix:
            return f"its requirement {self.requirements[0]!r} {self.states[0]}"
        pairs = zip(self.requirements, self.states, strict=True)
        needed = ", and ".join(f"{text}, {state}" for text, state in pairs)
        return f"needs {needed} — {self.fix}"


def unmet(requires: Sequence[str], distribution: str | None) -> Unmet | None:
    """Return what is missing of ``requires``, with the command that mends it.

    Args:
        requires: Requirement strings such as ``"optuna>=5,<6"``. Of one with an extra, such as
            ``"ray[tune]"``, the libraries of the extra are looked for, too.
        distribution: The distribution whose plugin asks: where an extra of it brings what is
            missing, that extra is installed.
    """
    if not requires:
        return None
    from packaging.requirements import InvalidRequirement, Requirement  # 0.05 s

    found: dict[str, str] = {}
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            return Unmet((text,), (f"is not valid: {' '.join(str(error).split())}",), "")
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue  # not for this platform or this Python
        state = _state(requirement)
        if state:
            found[text] = state
    if not found:
        return None
    fix = install_command(distribution, tuple(found), requires)
    return Unmet(tuple(found), tuple(found.values()), fix)


def unmet_own(distribution: str) -> Unmet | None:
    """Return what a distribution's metadata require of this one, if that is not met."""
    for requirement in _requirements(distribution):
        if _name(requirement) != OURS or "extra" in str(requirement.marker or ""):
            continue
        lacking = unmet((f"{OURS}{requirement.specifier}",), None)
        if lacking is not None:
            return Unmet(lacking.requirements, lacking.states, f"pip install -U {OURS}")
    return None


def needs(*libraries: str) -> str:
    """Return ``needs pandas, which is not installed — …`` for libraries of our own extras."""
    lacking = unmet(libraries, OURS)
    return str(lacking or f"needs {' and '.join(libraries)}, which cannot be imported")


def public_name(package: str, homes: Mapping[str, str], name: str, requires: Sequence[str]) -> Any:
    """Return a public name of a package of ours, whose module is imported at its first use.

    Args:
        package: The package, such as ``hpo_bridge_sklearn``.
        homes: Each public name's module in the package.
        name: The one that is asked for.
        requires: Requirement strings of these modules.

    Raises:
        AttributeError: If the package has no such name.
        ImportError: If a library is missing or does not fit; says which command installs it.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{package}.{homes[name]}"), name)
    except ImportError as error:
        lacking = unmet(requires, OURS)
        if lacking is None:
            raise
        raise type(error)(f"{package}.{name} {lacking}", name=error.name) from error


def install_command(
    distribution: str | None, missing: Sequence[str], requires: Sequence[str] = ()
) -> str:
    """Return the pip command for ``missing``, by the smallest extras that bring it.

    Args:
        distribution: The distribution whose extras may be used.
        missing: Requirement strings that are not met.
        requires: All that is needed together with them: of two extras the one that brings
            less beside that is taken.
    """
    from packaging.requirements import Requirement

    brought = _extras(distribution)
    needed = {_name(Requirement(text)) for text in (*requires, *missing)}
    extras: list[str] = []
    rest: list[str] = []
    for text in missing:
        requirement = Requirement(text)
        fitting = [name for name, brings in brought.items() if _mends(brings, requirement)]
        if not fitting:
            rest.append(text)
        elif not set(fitting) & set(extras):
            library = _name(requirement)
            extras.append(min(fitting, key=lambda e: _waste(e, brought[e], library, needed)))
    own = [f"{distribution}[{','.join(extras)}]"] if extras else []
    return " ".join(["pip install", *(f'"{text}"' for text in own + rest)])


def _state(requirement: Requirement) -> str:
    """Return the fault of the installed version of a library; empty if there is none."""
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return "which is not installed"
    if not _accepts(requirement, found):
        return f"found {found}"
    for extra in sorted(requirement.extras):
        for part in _requirements(requirement.name):
            if _is_of(part, extra) and _state(part):
                return f"of which {part.name} is not installed or does not fit"
    return ""


def _accepts(requirement: Requirement, version: str) -> bool:
    from packaging.version import InvalidVersion

    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:  # a local build with a version of its own
        return False


def _mends(brings: Mapping[str, Requirement], wanted: Requirement) -> bool:
    """Return whether pip has to change what is installed of a library for the sake of an extra."""
    found = brings.get(_name(wanted))
    if found is None:
        return False
    if wanted.extras:
        return True
    try:
        return not _accepts(found, metadata.version(wanted.name))
    except metadata.PackageNotFoundError:
        return True


def _waste(
    extra: str, brings: Mapping[str, Requirement], library: str, needed: set[str]
) -> tuple[float, float, float, str]:
    """Return the key to choose an extra by: little else, much of what is needed, named so."""
    named = SequenceMatcher(None, extra, library).ratio()
    return len(brings.keys() - needed), -len(brings.keys() & needed), -named, extra


def _extras(distribution: str | None) -> dict[str, dict[str, Requirement]]:
    """Return the libraries that each extra of a distribution brings, also through other extras."""
    import re

    requirements = list(_requirements(distribution))
    pattern = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
    names = {name for each in requirements for name in pattern.findall(str(each.marker or ""))}
    direct = {name: [r for r in requirements if _is_of(r, name)] for name in sorted(names)}

    def brought(extra: str, seen: frozenset[str]) -> dict[str, Requirement]:
        brings: dict[str, Requirement] = {}
        for requirement in direct.get(extra, []):
            if _name(requirement) == _canonical(distribution or ""):
                for other in requirement.extras - seen:
                    brings |= brought(other, seen | {other})
            else:
                brings[_name(requirement)] = requirement
        return brings

    return {name: brought(name, frozenset({name})) for name in direct if name not in SHARED}


def _is_of(requirement: Requirement, extra: str) -> bool:
    """Return whether a distribution requires this because of one of its extras."""
    marker = requirement.marker
    return marker is not None and "extra" in str(marker) and marker.evaluate({"extra": extra})


def _requirements(distribution: str | None) -> Iterator[Requirement]:
    """Return the requirements in a distribution's metadata, as far as they can be read."""
    from packaging.requirements import InvalidRequirement, Requirement

    if distribution is None:
        return
    try:
        texts = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return
    for text in texts:
        try:
            yield Requirement(text)
        except InvalidRequirement:  # somebody else's metadata
            continue


def _name(requirement: Requirement) -> str:
    return _canonical(requirement.name)


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
