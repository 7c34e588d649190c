"""``optuna.random`` and ``optuna.tpe``.

With the same seed and options they propose what ``study.optimize`` proposes, to the last
bit, if its objective suggests the parameters in the space's order.

What becomes of a trial with TPE:

==========  ==================  ======================================================
ours        Optuna's            what TPE makes of it
==========  ==================  ======================================================
complete    ``COMPLETE``        learns; its reports are left out, which TPE never reads
pruned      ``PRUNED``          learns from the last report, the later the better
failed      ``FAIL``, hidden    ignores it: a region that fails is not avoided
infeasible  ``PRUNED``, with a  avoids it, and counts it for the start-up; told as failed
            violated constraint it would be proposed again without end
==========  ==================  ======================================================

Of infeasible points a thousand are told as such, the others as failed: an ask takes the longer
the more trials TPE knows. After 500 in a row points are drawn at random until one is allowed.

What one might not expect of Optuna:

* Since 5.0 TPE is multivariate by default (with one objective) and counts running trials as
  bad (``constant_liar``). A study of Optuna 4 is reproduced by ``multivariate: false`` and
  ``constant_liar: false``.
* ``enqueue_trial`` takes values outside of the range. Foreign points are checked here, and
  added as finished trials.
* Wrong types of options, such as ``n_startup_trials="ten"``, raise at the first trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState as State

from hpo_bridge.contracts import options
from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError

from .learning import Ended, Learner
from .studies import experimental, new_study
from .translation import Table


class Random:
    """Independent random points, by Optuna's ``RandomSampler``.

    Args:
        problem: Any problem: conditional, with several objectives.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Random(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 4}, {'a': 7}]
    """

    def __init__(self, problem: Problem, *, native_space: bool = False) -> None:
        self._table = Table(problem.space, native_space=native_space)
        self._sampler = RandomSampler(seed=problem.seed)
        self._study, self._storage, _ = new_study(self._sampler, n_objectives=problem.n_objectives)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points."""
        suggestions = []
        for _ in range(n):
            point = self._table.suggest(self._study)
            self._storage.hide(point.number)
            suggestions.append(Suggestion(point.params))
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learns nothing."""

    def state(self) -> Any:
        """The random generator's state."""
        try:
            return get_state(self._sampler._rng.rng)
        except AttributeError:  # this version of Optuna keeps it elsewhere
            return None

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Sets the random generator; past points do not matter."""
        try:
            set_state(self._sampler._rng.rng, state)
        except AttributeError:
            raise BackendError("this version of Optuna keeps its generator elsewhere") from None

    def explain(self) -> Sequence[Translation]:
        """One row per parameter."""
        return self._table.explain()


class Tpe(Learner):
    """Tree-structured Parzen estimator, by Optuna's ``TPESampler``.

    The options are those of ``TPESampler`` that a study file can hold. Left out are the
    functions ``gamma``, ``weights`` and ``constraints_func``, and ``consider_prior``, which
    has no effect any more. Those of the last line but one are deprecated, and Optuna says
    so where they are given.

    Bergstra, Bardenet, Bengio and Kégl (2011), https://papers.nips.cc/paper/4443; the
    multivariate form is from Falkner, Klein and Hutter (2018), https://arxiv.org/abs/1807.01774.

    Args:
        problem: Any problem: conditional, with several objectives.
        n_startup_trials: How many trials must have finished before the model is used.
        n_ei_candidates: Number of candidates drawn for each point.
        multivariate: Whether parameters are modelled jointly; ``None``: with one objective.
        group: Whether a conditional space is split into groups of parameters that occur
            together, each modelled jointly; implies ``multivariate``. Experimental in Optuna.
        constant_liar: Whether running trials count as bad, so that workers spread out.
        prior_weight, consider_magic_clip, consider_endpoints, warn_independent_sampling:
            Deprecated.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> tpe = Tpe(Problem(Space(a=Int(1, 9)), seed=1))
        >>> [first] = tpe.ask(1)
        >>> tpe.tell([Observation(first.params, (0.5,), first.token)])
    """

    LESSONS = 1000
    PATIENCE = 500

    def __init__(
        self,
        problem: Problem,
        *,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        multivariate: bool | None = None,
        group: bool = False,
        constant_liar: bool = True,
        prior_weight: float | None = None,
        consider_magic_clip: bool | None = None,
        consider_endpoints: bool | None = None,
        warn_independent_sampling: bool | None = None,
        native_space: bool = False,
    ) -> None:
        options.whole("n_startup_trials", n_startup_trials, 0)
        options.whole("n_ei_candidates", n_ei_candidates, 1)
        flags = {
            "multivariate": multivariate,
            "group": group,
            "constant_liar": constant_liar,
            "consider_magic_clip": consider_magic_clip,
            "consider_endpoints": consider_endpoints,
            "warn_independent_sampling": warn_independent_sampling,
        }
        for name, value in flags.items():
            if value is not None or name in ("group", "constant_liar"):
                options.flag(name, value)
        if prior_weight is not None:
            options.number("prior_weight", prior_weight, 0)
        with experimental():
            sampler = TPESampler(
                n_startup_trials=n_startup_trials,
                n_ei_candidates=n_ei_candidates,
                # Optuna does the same, with a warning at every trial of several objectives
                multivariate=True if group and multivariate is None else multivariate,
                group=group,
                constant_liar=constant_liar,
                prior_weight=prior_weight,
                consider_magic_clip=consider_magic_clip,
                consider_endpoints=consider_endpoints,
                warn_independent_sampling=warn_independent_sampling,
                seed=problem.seed,
            )
        super().__init__(problem, Table(problem.space, native_space=native_space), sampler)

    def _lesson(self) -> Ended:
        return Ended(State.PRUNED, allowed=False)

    def _teaches(self, seen: Observation) -> bool:
        return seen.infeasible or seen.state is not TrialState.FAILED

    def _notes(self) -> Any:
        """The groups of ``group=True``, whose order depends on the order of the results."""
        grouped = self._sampler._group_decomposed_search_space  # type: ignore[attr-defined]
        if grouped is None:
            return []
        return [sorted(group) for group in grouped._search_space.search_spaces]

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        if notes:
            grouped = self._sampler._group_decomposed_search_space  # type: ignore[attr-defined]
            spaces = [self._table.active(dict.fromkeys(group)) for group in notes]
            grouped._search_space._search_spaces = spaces
        return {}
