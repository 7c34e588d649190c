"""A checkpoint that is nothing but a name, and becomes one of Tune's where Tune runs."""

from __future__ import annotations

from typing import Any


class NamedCheckpoint:
    """A checkpoint for Tune whose contents are with the study; it has the trial's name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> Any:
        return _as_tune_has_it, (self._name,)


def _as_tune_has_it(name: str) -> Any:
    from pyarrow.fs import LocalFileSystem  # type: ignore[import-untyped]
    from ray.train._internal.session import _TrainingResult
    from ray.tune import Checkpoint

    return _TrainingResult(Checkpoint(name, LocalFileSystem()), {})
