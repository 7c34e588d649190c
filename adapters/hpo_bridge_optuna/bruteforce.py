"""``optuna.bruteforce``: every point of a finite space, by Optuna's ``BruteForceSampler``.

With the same seed it proposes what ``study.optimize`` proposes, to the last bit. It is told
only that a trial has ended; how does not matter, and nothing is tried twice.

What one might not expect of Optuna's ``BruteForceSampler``:

* ``study.tell`` raises ``RuntimeError`` at the last point, since the sampler stops a loop
  that is not there, and further points are random repetitions. Here a space that is spent
  ends with ``SearchExhausted``.
* The points are not equally likely: half of the weight at each branch is spread evenly over
  the values that are left, whatever is below them.
* The time of a suggestion grows with the number of trials: 2 ms at 1,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.samplers import BruteForceSampler
from optuna.trial import TrialState as State
from optuna.trial import create_trial

from hpo_bridge.errors import SearchExhausted
from hpo_bridge.generators import get_state, set_state
from hpo_bridge.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.options import flag
from hpo_bridge.space import discretized

from .studies import experimental, new_study
from .translation import Table


class BruteForce:
    """Every point of a finite space once, conditions included. Experimental in Optuna.

    Args:
        problem: A problem whose parameters have finitely many values, or a resolution.
        avoid_premature_stop: Accepted for its name's sake: this never stops before the end.
        resolution: How many values to take of each continuous parameter: one number for all,
            or a mapping of names to numbers; see :func:`hpo_bridge.space.discretized`.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Raises:
        UnsupportedProblem: For a continuous parameter without a resolution.
        InvalidOptions: For a resolution below 2, or of a parameter that is not continuous.

    Example:
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params["a"] for s in BruteForce(Problem(Space(a=Int(1, 4)))).ask(9)]
        [3, 4, 2, 1]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        avoid_premature_stop: bool = False,
        resolution: int | Mapping[str, int] | None = None,
        native_space: bool = False,
    ) -> None:
        flag("avoid_premature_stop", avoid_premature_stop)
        self._declared = problem.space
        self._values = discretized(problem.space, resolution)
        self._table = Table(self._values.indexed(), native_space=native_space)
        with experimental():
            self._sampler = BruteForceSampler(
                seed=problem.seed, avoid_premature_stop=avoid_premature_stop
            )
        self._study, self._storage, self._id = new_study(
            self._sampler, n_objectives=problem.n_objectives
        )
        self._pending: dict[int, dict[str, Any]] = {}
        self._seen: set[tuple[tuple[str, Any], ...]] = set()
        self._spent = False

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points, fewer at the end; the token is the number of Optuna's trial."""
        found: list[Suggestion] = []
        while len(found) < n and not self._spent:
            point = self._table.suggest(self._study)
            params = self._table.space.check(point.params)
            key = tuple(params.items())
            # Optuna repeats a point only where none is left that has not been tried.
            self._spent = key in self._seen
            if self._spent:
                self._end(point.number)
                break
            self._seen.add(key)
            self._pending[point.number] = params
            found.append(Suggestion(self._valued(params), point.number))
        if n > 0 and not found:
            raise SearchExhausted(f"all {len(self._seen)} points of the space were proposed")
        return found

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes note of what has ended."""
        for seen in observations:
            del self._pending[seen.token]
            self._end(seen.token)

    def state(self) -> Any:
        """The random generator, and the points that are pending."""
        pending = [[number, params] for number, params in self._pending.items()]
        generator = get_state(self._sampler._rng.rng)
        return {"generator": generator, "pending": pending, "spent": self._spent}

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Puts the trials together under their old numbers."""
        ended = {seen.token: self._indexed(seen.params) for seen in observations}
        running = dict(state["pending"])
        for number in sorted({*ended, *running}):
            params = running[number] if number in running else ended[number]
            self._seen.add(tuple(params.items()))
            self._add(params, State.RUNNING if number in running else State.FAIL)
        self._pending = running
        self._spent = bool(state["spent"])
        set_state(self._sampler._rng.rng, state["generator"])

    def explain(self) -> Sequence[Translation]:
        """Every value of a parameter, or ``resolution`` values of a continuous one."""
        rows = []
        for row in self._table.explain():
            continuous = self._declared[row.parameter].size is None
            how = "evenly spaced values" if continuous else "values"
            detail = f"{self._values[row.parameter].size} {how} in {row.detail}"
            rows.append(Translation(row.parameter, "encoded" if continuous else row.how, detail))
        return rows

    def _valued(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A point of the declared space: values in place of a resolution's indices."""
        return {
            name: self._values[name].grid(value) if self._declared[name].size is None else value
            for name, value in params.items()
        }

    def _indexed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What ``_valued`` was given."""
        found = {}
        for name, value in self._values.check(params).items():
            parameter = self._values[name]
            continuous = self._declared[name].size is None
            found[name] = parameter.index(value) if continuous else value  # type: ignore[union-attr]
        return found

    def _end(self, number: int) -> None:
        trial = self._storage.get_trial_id_from_study_id_trial_number(self._id, number)
        self._storage.set_trial_state_values(trial, State.FAIL)

    def _add(self, params: dict[str, Any], state: State) -> None:
        # The points as they are: this sampler counts in decimals, unlike Optuna's others.
        self._study.add_trial(
            create_trial(state=state, params=params, distributions=self._table.active(params))
        )
