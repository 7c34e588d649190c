"""The kit as a test class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugins import PluginManager
from .running import CHECK_NAMES, SPACE, check_expected, checks_of, run_check
from .subject import Subject
from .verdicts import Fault


class BackendConformance:
    """Every check of a backend as a test of pytest; subclass it, and name the backend.

    Attributes:
        backend: Its name.
        options: Its options; choose them so that its start-up phase is short.
        expected_failures: Name of a check to the reason why it fails. Strict: such a check
            must fail, and the name must be one of :data:`hpo_bridge.testing.CHECK_NAMES`.
        startup: How many results it takes until its model, or its second generation, is in
            use.
        trials: How many suggestions past that a check asks for; about 8 for a backend that
            thinks for a long time.
        plugins: Where to find it; the installed plugins by default.

    Example:
        >>> class TestAcme(BackendConformance):
        ...     backend = "core.random"
        ...     expected_failures = {"progress": "it only walks"}
    """

    backend: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    expected_failures: ClassVar[Mapping[str, str]] = {}
    startup: ClassVar[int] = 20
    trials: ClassVar[int] = 60
    plugins: ClassVar[PluginManager | None] = None
    _checks: ClassVar[dict[str, Any] | None] = None
    _first: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in ("test_conformance", "pytest_generate_tests", "_checks"):
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__name__} overrides {name}: a check cannot be replaced; announce what "
                    "fails in expected_failures, with the reason"
                )
        check_expected(cls.expected_failures)
        cls._checks, cls._first = None, None

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test for each check."""
        if "conformance_check" in metafunc.fixturenames:
            metafunc.parametrize("conformance_check", CHECK_NAMES)

    def test_conformance(self, conformance_check: str) -> None:
        """Runs one check; ``refused`` and ``not applicable`` are good."""
        cls = type(self)
        if cls._checks is None:
            subject = Subject(
                cls.backend,
                cls.options,
                plugins=cls.plugins,
                startup=cls.startup,
                trials=cls.trials,
            )
            cls._checks = {check.name: check for check in checks_of(subject)}
        expected = cls.expected_failures.get(conformance_check)
        result = run_check(cls._checks[conformance_check], expected)
        if result.result == "failed":
            if conformance_check.startswith(SPACE):
                cls._first = cls._first or conformance_check
            elif cls._first:
                import pytest

                pytest.skip(f"fix {cls._first} first; this may follow from it: {result.detail}")
            raise Fault(f"{cls.backend}: {result.name}: {result.detail}")
        if result.result == "expected":
            import pytest

            pytest.xfail(result.detail)
