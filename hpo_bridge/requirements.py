"""What a plugin requires, read from installed metadata before anything is imported."""

from __future__ import annotations

from importlib import metadata

from .specs import CONTRACT_VERSION, OLDEST_CONTRACT
from .version import __version__

OURS = "hpo-bridge"
"""The name of our distribution."""


def wrong_contract(contract: int, distribution: str | None) -> str | None:
    """Why what was written for this version of the contract cannot be used; ``None`` if it can.

    Args:
        contract: The version that a spec names.
        distribution: The distribution whose plugin it is.
    """
    if contract > CONTRACT_VERSION:
        here = f"this {OURS} {__version__} has {CONTRACT_VERSION}"
        return f"written for contract {contract}, {here} — pip install -U {OURS}"
    if contract < OLDEST_CONTRACT:
        here = f"{OURS} {__version__} knows none before {OLDEST_CONTRACT}"
        remedy = f"pip install -U {distribution}" if distribution else "it has to be adapted"
        return f"written for contract {contract}, {here} — {remedy}"
    return None


def unmet_own(distribution: str) -> str | None:
    """What a distribution's metadata require of this one, if that is not met."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for text in _requires(distribution):
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if canonicalize_name(wanted.name) != OURS or "extra" in str(wanted.marker or ""):
            continue
        reason = unmet((f"{OURS}{wanted.specifier}",), None)
        if reason is not None:
            return f"{reason.partition(' — ')[0]} — pip install -U {OURS}"
    return None


def unmet(requires: tuple[str, ...], distribution: str | None) -> str | None:
    """Why ``requires`` is not met, with the command that mends it; ``None`` if it is.

    Args:
        requires: Requirement strings such as ``"optuna>=5,<6"``.
        distribution: The distribution whose plugin asks; an extra of it that brings what is
            missing is the remedy offered.
    """
    if not requires:
        return None
    from packaging.requirements import InvalidRequirement, Requirement  # 0.05 s
    from packaging.version import InvalidVersion

    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            return f"its requirement {text!r} is not valid: {' '.join(str(error).split())}"
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue  # not for this platform or this Python
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            remedy = install_command(distribution, requirement.name, text)
            return f"needs {text}, which is not installed — {remedy}"
        try:
            fits = requirement.specifier.contains(found, prereleases=True)
        except InvalidVersion:  # a local build with a version of its own
            fits = False
        if not fits:
            remedy = install_command(distribution, requirement.name, text)
            return f"needs {text}, found {found} — {remedy}"
    return None


def install_command(distribution: str | None, library: str, requirement: str) -> str:
    """The pip command that brings ``library``: an extra of ``distribution`` if it has one."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for text in _requires(distribution):
        try:
            wanted = Requirement(text)
        except InvalidRequirement:  # somebody else's metadata
            continue
        if canonicalize_name(wanted.name) == canonicalize_name(library):
            extra = _extra(str(wanted.marker or ""))
            if extra:
                return f'pip install "{distribution}[{extra}]"'
    return f'pip install "{requirement}"'


def _requires(distribution: str | None) -> list[str]:
    try:
        return metadata.requires(distribution) or [] if distribution is not None else []
    except metadata.PackageNotFoundError:
        return []


def _extra(marker: str) -> str | None:
    """The extra that a marker such as ``extra == "optuna"`` names; never the shared ones."""
    _, found, rest = marker.partition("extra == ")
    name = rest.split()[0].strip("\"')") if found else ""
    return name if name and name not in ("all", "dev") else None
