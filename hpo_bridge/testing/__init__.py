"""The conformance kit: named checks that every backend must pass.

One generator of checks, :func:`backend_checks`, has two front ends: a class of tests for
pytest, and the command ``hpo-bridge check NAME``. An adapter's tests are four lines::

    from hpo_bridge.testing import BackendConformance

    class TestAcme(BackendConformance):
        backend = "acme.walk"

and, where needed, ``options = {…}`` that make its start-up phase short, ``startup = 8`` to
say how long that is, and ``expected_failures = {"seed[other]": "it has no seed"}``. Nothing
here needs pytest to be installed.

A check asks and tells the optimizer itself, as the core would, and looks at what it answers
before the core mends anything; a few go through :class:`hpo_bridge.Study`.
"""

from __future__ import annotations

from .conformance import BackendConformance
from .running import CHECK_NAMES, backend_checks, run_check
from .verdicts import Check, Fault, NotApplicable, Refused, Result

__all__ = [
    "CHECK_NAMES",
    "BackendConformance",
    "Check",
    "Fault",
    "NotApplicable",
    "Refused",
    "Result",
    "backend_checks",
    "run_check",
]
