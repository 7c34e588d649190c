"""How the scripts beside this one print a figure."""

from __future__ import annotations


def show(what: str, value: float, unit: str, reach: str, ok: bool) -> bool:
    """One line: what was measured, the figure, what is aimed at, and whether it is reached."""
    verdict = ("reached" if ok else "NOT REACHED") if reach else ""
    print(f"{what:<66} {value:>9.3f} {unit:<8} {reach:<22} {verdict}", flush=True)
    return ok
