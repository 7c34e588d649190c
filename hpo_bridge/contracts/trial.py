"""Trials: what an objective receives, and what a study keeps of one."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ..errors import short
from ..habits import TRIAL, missing_attribute
from ..space.values import copied, is_boolean
from .checkpoints import NOWHERE, Checkpoints
from .gradients import NO_DIFFERENTIATION, Differentiation, Tape
from .trial_output import NO_OUTPUT, OutputSink


class Channel(Protocol):
    """The way from a running trial to its study: direct, or from another process."""

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Record an intermediate value of a trial; without ``metrics`` where there are none."""
        ...

    def should_prune(self, number: int) -> bool:
        """Return True if trial ``number`` should stop, judged by its reports so far."""
        ...

    def resumed(self, number: int) -> None:
        """Records that trial ``number`` has loaded a checkpoint, to go on from there."""
        ...


class Trial(Mapping[str, Any]):
    """A running trial: a read-only mapping of its active parameters and constants.

    ``f(**trial)`` works. An objective may report intermediate values on it and keep checkpoints.

    Args:
        number: Position in the study, from 0.
        params: The active parameters and the constants.
        seed: An integer in ``[0, 2**31)``, derived from the study's seed and ``number``
            alone: the same trial gets the same seed on every runner and at every attempt.
        channel: The way back to the study.
        checkpoints: Where it keeps checkpoints.
        differentiation: Whether derivatives are wanted, and with what.
        output: Where :meth:`keep_output` puts its bytes.

    Example:
        >>> import hpo_bridge as hpo
        >>> study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0)
        >>> trial = study.ask()
        >>> list(trial), trial.number
        (['x'], 0)
    """

    __slots__ = (
        "_channel", "_checkpoints", "_differentiation", "_keeping", "_loaded", "_output",
        "_params", "_tape", "number", "seed",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        params: Mapping[str, Any],
        seed: int,
        channel: Channel,
        checkpoints: Checkpoints = NOWHERE,
        differentiation: Differentiation = NO_DIFFERENTIATION,
        output: OutputSink = NO_OUTPUT,
    ) -> None:
        self.number = number
        self.seed = seed
        # Own lists: an objective may change what it gets, and must not change the record.
        self._params = {
            name: copied(value) if type(value) is list else value for name, value in params.items()
        }
        self._channel = channel
        self._checkpoints = checkpoints
        self._differentiation = differentiation
        self._output = output
        self._tape: Tape | None = None
        self._loaded: Path | None = None
        self._keeping = threading.Lock()  # any thread of the objective may keep one

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("a Trial", name, TRIAL)

    @property
    def params(self) -> dict[str, Any]:
        """A new dict of the active parameters and the constants."""
        return dict(self._params)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._params[name]
        except KeyError:
            known = ", ".join(self._params)
            raise KeyError(f"{name!r} is not active in this trial; active: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"trial {self.number} cannot be copied or pickled: it reports where it runs; send "
            "trial.params, trial.number and trial.seed instead"
        )

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self._params!r})"

    @property
    def wants_gradients(self) -> bool:
        """True if the backend needs derivatives of the objective.

        An objective that computes them by itself may leave them out where this is ``False``.
        """
        return self._differentiation.wanted

    @property
    def tensors(self) -> Mapping[str, Any]:
        """The active float parameters as torch tensors, to compute a result that depends on them.

        0-dimensional (1-dimensional for a parameter with a shape), ``float64``, on the CPU, in
        natural units; the same objects each time. Under a backend that needs gradients they
        require them, those without steps, and a scalar that depends on them is differentiated
        when the objective returns it. Under any other they are mere numbers, and it is one.

        Raises:
            HpoBridgeError: If torch is not installed; says how to install it.
        """
        with self._keeping:
            if self._tape is None:
                self._tape = self._differentiation.tape(self._params)
            return self._tape.tensors

    @property
    def tape(self) -> Tape | None:
        """The maker of :attr:`tensors`, for runners; ``None`` before they are used."""
        return self._tape

    def report(self, value: float, step: int, metrics: Mapping[str, float] | None = None) -> None:
        """Reports an intermediate value of the objective, such as the loss after an epoch.

        Args:
            value: A number, in the objective's own direction. NaN and infinities are kept out
                of the record, with a warning once a study, and count against the trial where a
                pruner is asked.
            step: A non-negative integer: an epoch, a fold, the number of an instance, in any
                order. A step reported twice keeps its first value, with a warning once a
                study. In a trial that has loaded a checkpoint, a step from before takes its
                new value, and what was reported after it is withdrawn.
            metrics: What else was measured at this step, such as other scores or the seconds
                that it took: name to number, finite or not. It is kept with the report, in
                ``TrialRecord.metrics``; no backend and no pruner sees it.

        Raises:
            TypeError: If ``value`` is not a number, ``step`` not an integer, or ``metrics`` no
                mapping of names to numbers.
            ValueError: If ``step`` is negative.
        """
        step, value = checked_step(step), as_number(value)
        if metrics:
            self._channel.report(self.number, step, value, plain_metrics(metrics))
        else:
            self._channel.report(self.number, step, value)

    def should_prune(self) -> bool:
        """Return True if the study's pruner advises to stop; always False without a pruner.

        Follow it with ``raise hpo_bridge.TrialPruned``.
        """
        return self._channel.should_prune(self.number)

    def keep_output(self, data: bytes) -> None:
        """Adds what a program has printed that the objective runs and reads itself.

        What the objective prints, and what its programs write to its own standard output and
        error, is kept without this on runners with processes of their own.
        """
        self._output.write(data)

    def checkpoint(self, directory: str | os.PathLike[str]) -> None:
        """Keeps the files of ``directory`` as the trial's last checkpoint.

        They are copied, with their folders, before this returns, and replace the checkpoint
        before in one step: a kill at any moment leaves one of the two whole. A link to a file
        is kept as that file; dates and permissions are not kept.

        Args:
            directory: Holds at least one file, and only files, folders and links to files.

        Raises:
            TypeError: If ``directory`` is no path.
            ValueError: If it does not exist, is a file, has no files, or has something
                that cannot be kept, such as a link to a folder.
            OSError: If it cannot be read, or the copy not be written (the disk is full);
                the checkpoint before stays.
            NoCheckpoints: If the study has no place for checkpoints; this stops the study.
        """
        if not isinstance(directory, (str, os.PathLike)):
            raise TypeError(f"checkpoint: expected a path, found {short(directory)}")
        with self._keeping:
            self._checkpoints.save(self.number, Path(directory), self._loaded)

    def load_checkpoint(self) -> Path | None:
        """A directory with the files of the trial's last checkpoint.

        It is what this attempt kept last, or else an earlier one, which failed, or was cut by
        Ctrl-C or the death of its driver. ``None`` if none of them kept any.

        The directory is to be read, never to be written to or deleted. It stays as it is,
        whatever is kept meanwhile, until the next ``load_checkpoint()`` or the end of the
        attempt; what is needed longer has to be copied.

        Call it before the first report: the trial's reports then continue those of the attempts
        before. An attempt that loads no checkpoint begins them anew.
        """
        with self._keeping:
            loaded = self._loaded = self._checkpoints.load(self.number)
        if loaded is not None:
            self._channel.resumed(self.number)
        return loaded


def checked_step(step: Any) -> int:
    """Return ``step`` as a plain, non-negative int."""
    if type(step) is int and step >= 0:
        return step
    try:
        if is_boolean(step):
            raise TypeError
        number: int = int(step.__index__())
    except (AttributeError, TypeError):
        raise TypeError(f"step must be an integer, found {short(step)}") from None
    if number < 0:
        raise ValueError(f"step must not be negative, found {number}")
    return number


def plain_metrics(metrics: Any) -> dict[str, float]:
    """``metrics`` as a dict of plain floats, finite or not.

    >>> plain_metrics({"accuracy": 1})
    {'accuracy': 1.0}

    Raises:
        TypeError: If it is anything else; says what.
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics: found {short(metrics)}, expected {{name: number}}")
    plain = {}
    for name, value in metrics.items():
        if not isinstance(name, str):
            raise TypeError(f"metrics: found the name {short(name)}, expected a string")
        try:
            plain[str(name)] = as_number(value)
        except TypeError as error:
            raise TypeError(f"metrics: {name}: {error}") from None
    return plain


def as_number(value: Any) -> float:
    """``value`` as a float, finite or not; numpy scalars and 0-d tensors are numbers too.

    Raises:
        TypeError: If it is not a number (a bool, a string and ``None`` are not).
    """
    if type(value) is float:
        return value
    if isinstance(value, (str, bytes, bytearray)) or is_boolean(value):
        raise TypeError(f"expected a number, found {short(value)}")
    if callable(getattr(value, "detach", None)):  # a tensor that has a gradient would warn
        value = value.detach()
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception as error:  # no number, or several: an array, a tensor
        raise TypeError(f"expected a number, found {short(value)}") from error


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of trial ``number``: a hash of the two numbers, in ``[0, 2**31)``.

    >>> trial_seed(0, 0) == trial_seed(0, 0) != trial_seed(0, 1)
    True
    """
    digest = blake2b(f"{study_seed}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33
