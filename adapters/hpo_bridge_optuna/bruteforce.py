"""``optuna.bruteforce``: every point of a finite space once, conditional ones too.

With the same seed it proposes what ``study.optimize`` proposes, to the last bit, up to the
point where that has tried everything.

Results teach it nothing: complete, pruned, failed and infeasible points are not proposed
again, and neither are those that are running. A space that is spent ends with
``SearchExhausted``.

What one might not expect of Optuna:

* ``study.tell`` raises ``RuntimeError`` at the last point, since the sampler stops a loop that
  is not there. If it is asked on, points come again.
* Each parameter of each trial is looked up anew in all trials, so that a trial takes the longer
  the more there are: 2 ms at the thousandth. Here the tree of what was proposed is kept, and
  the time stays the same; which of the branches is taken is Optuna's decision.
* Points are not equally likely to come next: half of the chance goes to the branches in equal
  parts, however many points they hold, the other half by what is known to be left in them.
* ``avoid_premature_stop`` lets points that are running be proposed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BruteForceSampler

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import with_options
from hpo_bridge.errors import BackendError, SearchExhausted, UnsupportedProblem
from hpo_bridge.space import discretized

from .resolution import ResolutionOptions, listed
from .studies import experimental, new_study
from .translation import Table

_TreeNode: Any
_UNEXPANDED_NODE: Any
try:
    from optuna.samplers._brute_force import _UNEXPANDED_NODE, _TreeNode
except ImportError:  # pragma: no cover
    _TreeNode = _UNEXPANDED_NODE = None

LARGEST = 100_000
"""Number of values of one parameter beyond which a space is refused: all are held in memory."""


@with_options(ResolutionOptions)
class BruteForce:
    """Every point once, in random order, by Optuna's ``BruteForceSampler``.

    Experimental in Optuna. Left out is ``avoid_premature_stop``: here every point comes once.

    Args:
        problem: Any problem whose parameters have finitely many values or a resolution:
            conditional, with several objectives.
        options: See :class:`ResolutionOptions`.

    Raises:
        UnsupportedProblem: For a continuous parameter without a resolution, or a parameter of
            over 100,000 values.
        InvalidOptions: For a resolution below 2, or of a parameter that is not continuous.

    Example:
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params["a"] for s in BruteForce(Problem(Space(a=Int(1, 4)))).ask(9)]
        [3, 4, 2, 1]
    """

    def __init__(self, problem: Problem, options: ResolutionOptions) -> None:
        self._space = problem.space
        self._finite = discretized(problem.space, options.resolution)
        for name, parameter in self._finite.items():
            if (parameter.size or 0) > LARGEST:
                raise UnsupportedProblem(
                    f"has {parameter.size} values, and Optuna's BruteForceSampler writes all of "
                    f"them out: expected at most {LARGEST}",
                    name,
                    fix="use optuna.random",
                )
        if _TreeNode is None:
            raise UnsupportedProblem("this version of Optuna keeps its tree elsewhere")
        self._table = Table(self._finite.indexed(), native_space=options.native_space)
        self._continuous = [n for n, p in problem.space.items() if p.size is None]
        with experimental():
            self._sampler = _Walk(problem.seed)
        self._study, self._storage, _ = new_study(self._sampler, n_objectives=problem.n_objectives)
        self._given = 0

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points, fewer at the end."""
        if n > 0 and self._sampler.spent:
            raise SearchExhausted(f"all {self._given} points were proposed")
        suggestions: list[Suggestion] = []
        while len(suggestions) < n and not self._sampler.spent:
            point = self._table.suggest(self._study)
            self._sampler.end()
            self._storage.hide(point.number)
            suggestions.append(Suggestion(self._valued(point.params)))
        self._given += len(suggestions)
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the number of points given."""
        return self._given

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue after ``state`` points, which are drawn again.

        Raises:
            BackendError: If the space has fewer.
        """
        if state and len(self.ask(int(state))) < int(state):
            raise BackendError(f"the snapshot is of another space: found {state} points")

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter; of a continuous one ``resolution`` values."""
        rows = Table(self._space, native_space=self._table.native_space).explain()
        return [
            listed(row, self._finite[row.parameter].size)
            if row.parameter in self._continuous
            else row
            for row in rows
        ]

    def _valued(self, params: dict[str, Any]) -> dict[str, Any]:
        """Values in place of the indices of what is continuous."""
        for name in self._continuous:
            if name in params:
                params[name] = self._finite[name].grid(params[name])
        return params


class _Walk(BruteForceSampler):
    """Optuna's sampler, with a tree that it keeps instead of building it for each parameter.

    A node is a parameter, its children are that parameter's values; a path from the root to
    a leaf is a point. Nodes count what is not known to be spent below them.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self._branch = _branches()
        self._root = self._branch()
        self._path = [self._root]

    @property
    def spent(self) -> bool:
        """True once every point was drawn."""
        return not self._root.left

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Goes one level down, to a value that is not spent."""
        node = self._path[-1]
        if node.children is None:
            node.expand(param_name, _range(param_distribution))
            more = len(node.children or {}) - 1
            for above in self._path:
                above.left += more
        value = node.sample_child(self._rng.rng, True)
        child = node.children[value]
        if child is _UNEXPANDED_NODE:
            child = node.children[value] = self._branch()
        self._path.append(child)
        return param_distribution.to_external_repr(value)

    def end(self) -> None:
        """The point that was drawn has no further parameters: its leaf is spent."""
        for node in self._path:
            node.left -= 1
            if not node.left:
                node.children = {}
        self._path = [self._root]

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        """Never stops the study."""


def _range(found: Any) -> tuple[Any, Any, Any]:
    """Lowest value, highest value and step, of the index for categories."""
    if isinstance(found, CategoricalDistribution):
        return 0, len(found.choices) - 1, 1
    return found.low, found.high, found.step


def _branches() -> Any:
    """Optuna's node, whose law of choice stays, with a count that is kept."""

    class Branch(_TreeNode):  # type: ignore[misc]
        __slots__ = ("left",)

        def __init__(self) -> None:
            super().__init__()
            self.left = 1

        def count_unexpanded(self, exclude_running: bool) -> int:
            return int(self.left)

    return Branch
