"""``optuna.gp``: Bayesian optimisation with Gaussian processes, by Optuna's ``GPSampler``.

With the same seed and options, and ``native_space`` where there are conditions, it proposes
what ``study.optimize`` proposes, to the last bit, on the same machine with the same number of
threads.

What becomes of a trial:

==========  ==================  ======================================================
ours        Optuna's            what the Gaussian process makes of it
==========  ==================  ======================================================
complete    ``COMPLETE``        learns
running     ``RUNNING``         keeps away from it (q-logEI)
pruned      ``PRUNED``          ignores it
failed      ``FAIL``, hidden    ignores it: a region that fails is not avoided
infeasible  ``COMPLETE``, with  avoids it by a model of the constraint, and counts it for
            a violated          the start-up; told as failed nearly the same point would
            constraint          be proposed again and again
==========  ==================  ======================================================

An infeasible point never ran, so it is told with the median of the losses so far, which says
nothing. From the first one on, all complete trials satisfy the constraint: Optuna raises
``ValueError`` unless all have the same number of constraints. A hundred infeasible points are
told as such, the others as failed, since the time of an ask grows faster than the number of
trials. After 50 in a row points are drawn at random until one is allowed.

What one might not expect of Optuna:

* While it works, ``torch.set_num_threads(1)`` and ``OPENBLAS_NUM_THREADS=1`` hold for the
  whole process: a training that runs in another thread is slowed down. Trials in worker
  processes are not concerned.
* It computes a part of its numbers in torch's default type: with another one than ``float32``
  it would propose other points, and with ``float16`` fail. Here that is the default while it
  works, for the whole process, too.
* ``json.dumps`` is called on its proposals: choices that JSON cannot hold end a native study
  at the eleventh trial.
* It writes out all values of a discrete parameter: an integer from 1 to ``2**40`` would take
  8 TiB. Here discrete parameters of more than 100,000 values are floats that are rounded.
* Conditional parameters are drawn at random, see :mod:`hpo_bridge_optuna.flat_translation`.
* Where parameters are few and discrete, it proposes points again that it has seen.
* Where the acquisition function has one single peak, or none, it divides zero by zero, takes
  what comes of it for convergence and goes on. NumPy's warning of that is not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from statistics import median
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
from optuna.samplers import GPSampler
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Observation, Problem
from hpo_bridge.contracts.options import Range, with_options
from hpo_bridge.space import Categorical, Parameter

from .flat_translation import FlatTable
from .learning import Learner, TrialResult
from .studies import experimental
from .translation import Point

MOST_VALUES = 100_000
"""Discrete parameters of more values are rounded floats."""
_CACHES = ("_gprs_cache_list", "_constraints_gprs_cache_list")


@dataclass(frozen=True, kw_only=True)
class GpOptions:
    """Options of ``GPSampler`` that a study file can hold.

    Left out are ``independent_sampler``, ``constraints_func`` and ``warn_independent_sampling``
    (``explain`` says which parameters are concerned).

    Attributes:
        n_startup_trials: How many trials must be complete before the model is used.
        deterministic_objective: Whether the same point always gives the same loss.
            Experimental in Optuna.
        native_space: See :mod:`hpo_bridge_optuna.flat_translation`.
    """

    n_startup_trials: Annotated[int, Range(0)] = 10
    deterministic_objective: bool = False
    native_space: bool = False


@with_options(GpOptions)
class Gp(Learner):
    """Gaussian processes with expected improvement, by Optuna's ``GPSampler``.

    Log expected improvement: Ament et al. (2023), https://arxiv.org/abs/2310.20708.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`GpOptions`.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> gp = Gp(Problem(Space(x=Float(0, 1))))
        >>> [first] = gp.ask(1)
        >>> gp.tell([Observation(first.params, (0.5,), first.token)])
    """

    MOST_INFEASIBLE = 100
    PATIENCE = 50

    def __init__(self, problem: Problem, options: GpOptions) -> None:
        given = asdict(options)
        table = FlatTable(
            problem.space, native_space=given.pop("native_space"), is_rounded=_is_huge
        )
        with experimental():
            sampler = GPSampler(**given, seed=problem.seed, warn_independent_sampling=False)
        super().__init__(problem, table, sampler)
        self._losses: list[tuple[float, ...]] = []
        self._constrained = False

    def _draw(self, attempt: int) -> Point:
        with np.errstate(invalid="ignore"), _single_precision():
            return super()._draw(attempt)

    def _result(self, seen: Observation) -> TrialResult:
        result = super()._result(seen)
        if seen.losses is None:
            return result
        self._losses.append(seen.losses)
        return replace(result, allowed=True if self._constrained else None)

    def _infeasible_result(self) -> TrialResult:
        self._constrain()
        objectives = zip(*self._losses, strict=True)
        middle = tuple(median(losses) for losses in objectives)
        nothing = (0.0,) * self._problem.n_objectives
        return TrialResult(State.COMPLETE, middle or nothing, allowed=False)

    def _constrain(self) -> None:
        """From now on complete trials have a constraint; those of the past satisfy it."""
        self._constrained = True
        for trial in self._study.get_trials(deepcopy=False, states=(State.COMPLETE,)):
            if not trial.constraints:
                trial.system_attrs.update(TrialResult(State.COMPLETE, allowed=True).attrs)

    def restore(self, state: Any, observations: Any) -> None:
        """Put the trials together under their old numbers; no model is built.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        super().restore(state, observations)
        if self._constrained:
            self._constrain()

    def _notes(self) -> Any:
        """The fitted parameters of the kernels, from which the next fit begins."""
        return [_fits(getattr(self._sampler, name)) for name in _CACHES]

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        for name, fits in zip(_CACHES, notes, strict=True):
            setattr(self._sampler, name, _revived(fits))
        return {}


@contextmanager
def _single_precision() -> Iterator[None]:
    """Make ``float32`` torch's default type, as it is unless the caller has set another."""
    torch = sys.modules.get("torch")
    default = torch.get_default_dtype() if torch else None
    if torch is None or default is torch.float32:
        yield
        return
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def _is_huge(parameter: Parameter) -> bool:
    if isinstance(parameter, Categorical) and not parameter.ordered:
        return False
    return parameter.size is not None and parameter.size > MOST_VALUES


def _fits(kernels: Any) -> Any:
    if kernels is None:
        return None
    return [
        [
            kernel.inverse_squared_lengthscales.tolist(),
            kernel.kernel_scale.item(),
            kernel.noise_var.item(),
        ]
        for kernel in kernels
    ]


def _revived(fits: Any) -> Any:
    """All of a fitted model that the next fit looks at."""
    if fits is None:
        return None
    import torch

    def number(value: Any) -> Any:
        return torch.tensor(value, dtype=torch.float64, device="cpu")

    names = ("inverse_squared_lengthscales", "kernel_scale", "noise_var")
    return [
        SimpleNamespace(**{n: number(v) for n, v in zip(names, fit, strict=True)}) for fit in fits
    ]
