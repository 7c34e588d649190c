"""Chains of gradient steps side by side: the search of all four gradient backends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import Range
from hpo_bridge.errors import BackendError

from .chain_evaluation import ChainEvaluation
from .chains import Limits, Places, Walk
from .cube import Cube, Vector
from .estimators import Estimator, ExactGradient, LossAndGradient, SpsaEstimator
from .rules import Rule

FoundPoint = tuple[Vector, float, Vector | None]
"""A point from elsewhere: place, loss, and gradient if there is one."""


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Options that all four backends share.

    Attributes:
        n_starts: Number of chains. A chain waits for its trial before it goes on; so this is
            how many trials can run at once (twice as many with ``spsa``). With a given number of
            trials one chain is best where its start is good.
        start: Coordinate in [0, 1] at which the first chain begins, for parameters that ``init``
            leaves out.
        init: Parameter name to the value at which the first chain begins; for a vector, a
            number for all of its components or a list.
        explode: See :class:`~hpo_bridge_torch.chains.Limits`.
        backtrack: See :class:`~hpo_bridge_torch.chains.Limits`.
        perturbation: Half the distance of the two points of ``spsa``.
    """

    n_starts: Annotated[int, Range(1)] = 1
    start: Annotated[float, Range(0, 1)] = 0.25
    init: Mapping[str, Any] | None = None
    explode: Annotated[float, Range(above=0)] = 30.0
    backtrack: Annotated[float, Range(0)] = 0.05
    perturbation: Annotated[float, Range(above=0, most=0.5)] = 0.05


class Search:
    """Chains of gradient steps that run side by side.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        rule: The rule that turns a gradient into a step.
        options: See :class:`SearchOptions`.
        estimator: ``gradient``: the objective's own; ``spsa``: from differences of losses.
    """

    def __init__(
        self,
        problem: Problem,
        rule: Rule,
        options: SearchOptions,
        estimator: Literal["gradient", "spsa"],
    ) -> None:
        low = options.start
        limits = Limits(options.explode, options.backtrack)
        cube = self._cube = Cube(problem)
        places = Places(low, _given(cube, options.init), cube.logarithmic, problem.seed)
        anchor = np.full(cube.size, low)
        self._walk = Walk(rule, limits, places.start, anchor)
        self._exact = estimator == "gradient"
        self._estimator: Estimator = ExactGradient()
        if not self._exact:
            self._estimator = SpsaEstimator(options.perturbation, problem.seed)
        self._evaluations = [
            ChainEvaluation.of(self._walk.begin(chain), self._estimator)
            for chain in range(options.n_starts)
        ]
        self._pending: dict[int, tuple[int, int]] = {}  # token to evaluation and probe
        self._given = 0
        self._foreign: list[FoundPoint] = []

    @property
    def wants_gradients(self) -> bool:
        """True if the objective's own gradients are needed."""
        return self._exact

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next point of each chain that waits for none; nothing if all do."""
        suggestions: list[Suggestion] = []
        for place, evaluation in enumerate(self._evaluations):
            while evaluation.asked < len(evaluation.probes) and len(suggestions) < n:
                self._pending[self._given] = place, evaluation.asked
                params = self._cube.params(evaluation.probes[evaluation.asked])
                suggestions.append(Suggestion(params, self._given))
                evaluation.asked += 1
                self._given += 1
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results in any order."""
        for seen in observations:
            if seen.token is None:
                self._keep_foreign(seen)
            elif seen.token in self._pending:
                place, probe = self._pending.pop(seen.token)
                self._evaluations[place].results[probe] = self._loss_and_gradient(seen)
                self._advance(place)
            else:
                raise BackendError(f"no result is awaited for the token {json.dumps(seen.token)}")
        self._place_foreign()

    def _loss_and_gradient(self, seen: Observation) -> LossAndGradient:
        """Return loss and gradient in the cube; a trial without a loss teaches that it failed."""
        if seen.losses is None:
            return None, None
        if seen.gradients is None:
            return seen.losses[0], None
        return seen.losses[0], self._cube.gradient(seen.params, seen.gradients)

    def _advance(self, place: int) -> None:
        """Move a chain all of whose probes were told."""
        evaluation = self._evaluations[place]
        told = evaluation.all_results
        if told is None:
            return
        chain = self._walk.told(
            evaluation.chain, *self._estimator.estimate(evaluation.probes, told)
        )
        moved = ChainEvaluation.of(chain, self._estimator)
        if evaluation.better is not None and evaluation.better[1] < moved.least_known_loss:
            moved = self._moved(moved, evaluation.better)
        self._evaluations[place] = moved

    def _keep_foreign(self, seen: Observation) -> None:
        """Keep a foreign point, if it is one of the best."""
        loss, gradient = self._loss_and_gradient(seen)
        if loss is not None:
            exact = gradient if self._exact else None
            self._foreign.append((self._cube.units(seen.params), loss, exact))
            self._foreign.sort(key=lambda found: found[1])
            del self._foreign[len(self._evaluations) :]

    def _place_foreign(self) -> None:
        """Move the worst chains to foreign points that are better."""
        while self._foreign:
            found = self._foreign.pop(0)
            place = max(
                range(len(self._evaluations)),
                key=lambda k: (self._evaluations[k].least_known_loss, -k),
            )
            evaluation = self._evaluations[place]
            if not found[1] < evaluation.least_known_loss:
                self._foreign.clear()  # nor is any other better than the worst chain
            elif evaluation.asked:
                evaluation.better = found
            else:
                self._evaluations[place] = self._moved(evaluation, found)

    def _moved(self, evaluation: ChainEvaluation, found: FoundPoint) -> ChainEvaluation:
        moved = ChainEvaluation.of(self._walk.at(evaluation.chain, *found), self._estimator)
        moved.expected_loss = found[1] if found[2] is None else None
        return moved

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._cube.explain()

    def state(self) -> Any:
        """Return chains and pending trials."""
        return {
            "evaluations": [evaluation.to_plain() for evaluation in self._evaluations],
            "pending": [[token, *where] for token, where in self._pending.items()],
            "given": self._given,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue from ``state``, which has all that was told."""
        evaluations = [
            ChainEvaluation.from_plain(evaluation) for evaluation in state["evaluations"]
        ]
        if len(evaluations) != len(self._evaluations):
            raise BackendError(
                f"the state has {len(evaluations)} chains, expected {len(self._evaluations)}"
            )
        self._evaluations = evaluations
        self._pending = {token: (place, probe) for token, place, probe in state["pending"]}
        self._given = state["given"]


def _given(cube: Cube, init: Mapping[str, Any] | None) -> Vector:
    """The coordinates of what ``init`` names; NaN elsewhere."""
    given = np.full(cube.size, np.nan)
    if init is not None and not isinstance(init, Mapping):
        raise TypeError(f"init: found {init!r}, expected a mapping such as {{lr: 0.001}}")
    for name, value in (init or {}).items():
        where, parameter = cube.named(name, "init"), cube.floats[name]
        if parameter.shape and isinstance(value, (int, float)):
            value = [value] * parameter.dimension
        try:
            given[where] = parameter.encode(parameter.check(value))
        except ValueError as error:
            raise ValueError(f"init: {name}: {error}") from None
    return given
