"""``optuna.qmc``: points that fill the space evenly, by Optuna's ``QMCSampler``.

With the same seed and options, and ``native_space`` where there are conditions, it proposes
what ``study.optimize`` proposes, to the last bit.

Results teach it nothing, but it looks at which trials there are: see
:mod:`hpo_bridge_optuna.learning` for what it is told.

What one might not expect of Optuna:

* The first point is drawn at random, and so are all until one trial is complete or pruned,
  unless another is running.
* The sequence itself does not depend on the seed unless it is scrambled: ``sobol`` begins at
  the lower bounds of all parameters, in the middle of their ranges, and so on.
* Sequences of ``halton`` in many dimensions are badly correlated at the beginning.
* Conditional parameters are drawn at random, see :mod:`hpo_bridge_optuna.flat_translation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from optuna.samplers import QMCSampler

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import with_options

from .flat_translation import FlatTable
from .learning import Learner
from .studies import experimental


@dataclass(frozen=True, kw_only=True)
class QmcOptions:
    """Options of ``QMCSampler`` that a study file can hold.

    Left out are ``independent_sampler``, ``warn_independent_sampling`` and
    ``warn_asynchronous_seeding``: there always is a seed.

    Attributes:
        qmc_type: Name of the sequence.
        scramble: Whether the sequence is scrambled, by the seed.
        native_space: See :mod:`hpo_bridge_optuna.flat_translation`.
    """

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: bool = False
    native_space: bool = False


@with_options(QmcOptions)
class Qmc(Learner):
    """A quasi-Monte Carlo sequence, by Optuna's ``QMCSampler``. Experimental in Optuna.

    Bergstra and Bengio (2012), https://www.jmlr.org/papers/v13/bergstra12a.html.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`QmcOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> qmc = Qmc(Problem(Space(a=Int(1, 8)), seed=1))
        >>> [point.params["a"] for point in qmc.ask(6)]
        [4, 1, 5, 7, 3, 8]
    """

    GENERATORS = 1

    def __init__(self, problem: Problem, options: QmcOptions) -> None:
        given = asdict(options)
        table = FlatTable(problem.space, native_space=given.pop("native_space"))
        with experimental():
            sampler = QMCSampler(**given, seed=problem.seed, warn_independent_sampling=False)
        super().__init__(problem, table, sampler)

    def _notes(self) -> Any:
        """Return how much of each sequence was used, by its name."""
        return self._storage.get_study_system_attrs(self._id)

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        for name, used in notes.items():
            self._storage.set_study_system_attr(self._id, name, used)
        return {}
