"""The verdicts of a check: it passes, finds a fault, or does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

Verdict = Literal["passed", "failed", "expected", "refused", "not applicable"]


class Fault(AssertionError):
    """The backend breaks the contract; the message says how, with the values seen."""


class NotApplicable(Exception):
    """The check says nothing about this backend; the message says why."""


class Refused(Exception):
    """The backend refused the problem before the first trial, as it should."""


class Check(NamedTuple):
    """One named check of one backend.

    Attributes:
        name: Public and stable, such as ``space[int_log]``.
        run: Gives a word on what was seen; raises :class:`Fault` or whatever the backend
            raises, :class:`NotApplicable` or :class:`Refused`.
    """

    name: str
    run: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check.

    Attributes:
        name: The check's name.
        result: ``passed``; ``failed``; ``expected`` (failed, as announced); ``refused`` (the
            backend does not take the problem and said so before the first trial, which is
            good); ``not applicable``.
        detail: What was seen, or why it failed.
        seconds: How long it took.
    """

    name: str
    result: Verdict
    detail: str
    seconds: float

    @property
    def good(self) -> bool:
        """True unless the check failed."""
        return self.result != "failed"

    def to_plain(self) -> dict[str, Any]:
        """``name result detail seconds``."""
        return asdict(self)


def require(condition: bool, message: str) -> None:
    """Raises :class:`Fault` unless ``condition`` holds; also where Python drops asserts."""
    if not condition:
        raise Fault(message)
