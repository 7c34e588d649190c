"""``optuna.tpe``: the tree-structured Parzen estimator.

With the same seed and options it proposes what ``study.optimize`` proposes, to the last
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
* Wrong types of options, such as ``n_startup_trials="ten"``, raise at the first trial there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from optuna.samplers import TPESampler
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, with_options

from .learning import Learner, TrialResult
from .studies import experimental
from .translation import Table


@dataclass(frozen=True, kw_only=True)
class TpeOptions:
    """Options of ``TPESampler`` that a study file can hold.

    Left out are the functions ``gamma``, ``weights`` and ``constraints_func``, and
    ``consider_prior``, which has no effect any more. Those without a text of their own are
    deprecated, and Optuna says so where they are given.

    Attributes:
        n_startup_trials: How many trials must have finished before the model is used.
        n_ei_candidates: Number of candidates drawn for each point.
        multivariate: Whether parameters are modelled jointly; ``None``: with one objective.
        group: Whether a conditional space is split into groups of parameters that occur
            together, each modelled jointly; implies ``multivariate``. Experimental in Optuna.
        constant_liar: Whether running trials count as bad, so that workers spread out.
        native_space: See :mod:`hpo_bridge_optuna.translation`.
    """

    n_startup_trials: Annotated[int, Range(0)] = 10
    n_ei_candidates: Annotated[int, Range(1)] = 24
    multivariate: bool | None = None
    group: bool = False
    constant_liar: bool = True
    prior_weight: Annotated[float | None, Range(0)] = None
    consider_magic_clip: bool | None = None
    consider_endpoints: bool | None = None
    warn_independent_sampling: bool | None = None
    native_space: bool = False


@with_options(TpeOptions)
class Tpe(Learner):
    """Tree-structured Parzen estimator, by Optuna's ``TPESampler``.

    Bergstra, Bardenet, Bengio and Kégl (2011), https://papers.nips.cc/paper/4443; the
    multivariate form is from Falkner, Klein and Hutter (2018), https://arxiv.org/abs/1807.01774.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`TpeOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Observation, Problem
        >>> from hpo_bridge.space import Int, Space
        >>> tpe = Tpe(Problem(Space(a=Int(1, 9)), seed=1))
        >>> [first] = tpe.ask(1)
        >>> tpe.tell([Observation(first.params, (0.5,), first.token)])
    """

    MOST_INFEASIBLE = 1000
    PATIENCE = 500

    def __init__(self, problem: Problem, options: TpeOptions) -> None:
        given = asdict(options)
        table = Table(problem.space, native_space=given.pop("native_space"))
        if options.group and options.multivariate is None:
            given["multivariate"] = True  # Optuna does the same, with a warning at every trial
        with experimental():
            sampler = TPESampler(**given, seed=problem.seed)
        super().__init__(problem, table, sampler)

    def _infeasible_result(self) -> TrialResult:
        return TrialResult(State.PRUNED, allowed=False)

    @property
    def _groups(self) -> Any:
        """The groups of ``group=True``, whose order depends on the order of the results."""
        grouped = self._sampler._group_decomposed_search_space  # type: ignore[attr-defined]
        return None if grouped is None else grouped._search_space

    def _notes(self) -> Any:
        return self._groups and [sorted(group) for group in self._groups.search_spaces]

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        for group in notes or ():
            self._groups.add_distributions(self._table.active(dict.fromkeys(group)))
        return {}
