"""``hybrid``: a black box for what is discrete, and inside of it gradient steps for the rest.

The **outer** backend proposes a configuration: a value for every integer, category and stepped
float. For each configuration an **inner** backend, built anew, takes ``inner_trials`` trials over
the continuous parameters that are active there. Then the outer one is told the best of their
losses, as if the configuration were one trial. All trials are the study's own: one history, in
the order in which they ran.

* A configuration that comes again goes on where its inner search was, unless that runs just now.
* A new configuration's inner search is told the best trial so far as a foreign point: a gradient
  chain begins there, instead of climbing from its low start each time (``warm_start``).
* Chains of different configurations run side by side: while one waits for its trial, another goes
  on, or a new one begins.
* There is no snapshot: continuing a study replays its asks and tells, which is exact.

Both are found by name, so any two backends go together, also two black boxes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contracts.optimizer import Capability, Observation, Problem, Suggestion, Translation
from ..contracts.options import flag, whole
from ..contracts.trial import trial_seed
from ..engine.checked_optimizer import CheckedOptimizer
from ..errors import BackendError, SearchExhausted, UnsupportedProblem
from ..plugins import PluginManager
from ..space import Space
from .hybrid_chain import Chain, key_of
from .sub_backend import Part

MOST_KEPT = 100
"""How many configurations are kept, the best ones, for the case that they come again."""


class Hybrid:
    """Two backends by name, one inside of the other.

    Args:
        problem: A problem with one objective.
        plugins: Where to find the two.
        outer: The backend for integers, categories and stepped floats.
        outer_options: Its options.
        inner: The backend for continuous parameters.
        inner_options: Its options.
        inner_trials: How many trials a configuration gets each time that it is proposed. Three
            did better than two and six on a small network (docs/gradient.md).
        warm_start: Whether a new configuration begins at the best continuous values so far.

    Raises:
        InvalidOptions: If one of the two cannot be found, or refuses its options.
        UnsupportedProblem: If one of the two refuses its part of the problem.
    """

    def __init__(
        self,
        problem: Problem,
        plugins: PluginManager,
        *,
        outer: str = "optuna.tpe",
        outer_options: Mapping[str, Any] | None = None,
        inner: str = "torch.adam",
        inner_options: Mapping[str, Any] | None = None,
        inner_trials: int = 3,
        warm_start: bool = True,
    ) -> None:
        self._problem, self._space = problem, problem.space
        self._trials = whole("inner_trials", inner_trials, 1)
        self._warm = flag("warm_start", warm_start)
        self._outer_part = Part(
            ("outer",), ("outer_options",), outer, outer_options or {}, plugins
        )
        self._inner_part = Part(
            ("inner",), ("inner_options",), inner, inner_options or {}, plugins
        )
        if problem.n_objectives > 1:
            raise UnsupportedProblem(f"takes one objective, found {problem.n_objectives}")
        self._injects = self._inner_part.has(Capability.INJECT)
        self._continuous = tuple(name for name, p in self._space.items() if p.size is None)
        # Built once as a trial: what is wrong must show now, not in some later configuration.
        self._wants = bool(self._continuous) and self._inner_part.wants_gradients(
            self._inner_space(self._continuous)
        )
        self._outer = self._new_outer()
        self._open: list[Chain] = []
        self._closed: dict[str, Chain] = {}
        self._pending: dict[int, tuple[Chain, Mapping[str, Any], Any]] = {}
        self._given = self._begun = 0
        self._best: dict[tuple[str, ...], Observation] = {}

    @property
    def wants_gradients(self) -> bool:
        """True if the inner backend needs them."""
        return self._wants

    def _new_outer(self) -> CheckedOptimizer | None:
        """The outer backend; ``None`` if every parameter is continuous."""
        discrete = {n: p for n, p in self._space.items() if p.size is not None}
        if not discrete:
            _ = self._outer_part.spec  # a wrong name is wrong nevertheless
            return None
        return self._outer_part.checked(Space(discrete), trial_seed(self._problem.seed, -1))

    def _inner_space(self, names: Sequence[str]) -> Space:
        return Space({name: replace(self._space[name], when=None) for name in names})

    # -- asking -----------------------------------------------------------------------

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Points of the open chains first, then of new configurations.

        Raises:
            SearchExhausted: If the outer backend has nothing left, and no chain either.
        """
        suggestions: list[Suggestion] = []
        for chain in list(self._open):
            suggestions += self._from(chain, n - len(suggestions))
        while len(suggestions) < n:
            try:
                begun = self._begin()
            except SearchExhausted:
                if suggestions or self._pending:
                    break
                raise
            if begun is None:
                break
            suggestions += self._from(begun, n - len(suggestions))
        return suggestions

    def _from(self, chain: Chain, most: int) -> list[Suggestion]:
        """Up to ``most`` points of one configuration."""
        most = most if self._outer is None else min(most, self._trials - chain.asked)
        if most <= 0 or chain.ended:
            return []
        if chain.inner is None:
            chain.ended = True
            found = [Suggestion({})]
        else:
            try:
                found = list(chain.inner.ask(most))
            except SearchExhausted:
                chain.ended = True
                self._settle(chain)
                return []
        chain.asked += len(found)
        return [self._sent(chain, suggestion) for suggestion in found]

    def _sent(self, chain: Chain, suggestion: Suggestion) -> Suggestion:
        token, self._given = self._given, self._given + 1
        self._pending[token] = chain, suggestion.params, suggestion.token
        return Suggestion({**chain.fixed, **suggestion.params}, token)

    def _begin(self) -> Chain | None:
        """The chain of the next configuration; ``None`` if the outer backend waits.

        Raises:
            SearchExhausted: If it has nothing left.
        """
        if self._outer is None:
            if self._open:
                return None
            chain = self._new({})
        else:
            proposal, _ = self._outer.ask()
            if proposal is None:
                return None
            known = self._closed.pop(key_of(proposal.params), None)
            chain = known or self._new(proposal.params)
            chain.proposal, chain.asked, chain.told, chain.ended = proposal, 0, 0, False
        self._open.append(chain)
        return chain

    def _new(self, fixed: Mapping[str, Any]) -> Chain:
        names = tuple(n for n in self._continuous if self._space.is_active(n, fixed))
        self._begun += 1
        inner = None
        if names:
            seed = trial_seed(self._problem.seed, self._begun)
            inner = self._inner_part.built(self._inner_space(names), seed)
            known = self._known(names) if self._warm and self._injects else None
            if known is not None:
                inner.tell([known])
        return Chain(fixed, names, inner)

    def _known(self, names: tuple[str, ...]) -> Observation | None:
        """The best trial that has these continuous parameters, as a foreign point."""
        having = [seen for key, seen in self._best.items() if set(names) <= set(key)]
        if not having:
            return None
        best = min(having, key=lambda seen: seen.losses or ())
        return Observation({name: best.params[name] for name in names}, best.losses)

    # -- telling ----------------------------------------------------------------------

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results in any order."""
        for seen in observations:
            self._note(seen)
            if seen.token is None:
                self._foreign(seen)
            elif seen.token in self._pending:
                self._own(seen)
            else:
                raise BackendError(f"no result is awaited for the token {json.dumps(seen.token)}")

    def _note(self, seen: Observation) -> None:
        """Remembers the best trial for each set of active continuous parameters."""
        if seen.losses is None:
            return
        key = tuple(name for name in self._continuous if name in seen.params)
        best = self._best.get(key)
        if best is None or best.losses is None or seen.losses < best.losses:
            self._best[key] = seen

    def _foreign(self, seen: Observation) -> None:
        """The outer backend may learn from a foreign point; without one the inner does."""
        if self._outer is not None:
            fixed = {name: seen.params[name] for name in self._outer.space if name in seen.params}
            self._outer.tell([replace(seen, params=self._outer.encode(fixed), gradients=None)])
            return
        for chain in self._open:
            if chain.inner is not None and self._injects:
                chain.inner.tell([seen])

    def _own(self, seen: Observation) -> None:
        chain, params, token = self._pending.pop(seen.token)
        chain.take(seen)
        if chain.inner is not None:
            chain.inner.tell([replace(seen, params=params, token=token)])
        self._settle(chain)

    def _settle(self, chain: Chain) -> None:
        """Tells the outer backend of a configuration that has had its trials."""
        if self._outer is None or chain.told < chain.asked:
            return
        if chain.asked < self._trials and not chain.ended:
            return
        self._open.remove(chain)
        proposal = chain.proposal
        assert proposal is not None
        raw = proposal.raw if proposal.raw is not None else self._outer.encode(proposal.params)
        self._outer.tell([chain.lesson(raw, proposal.token)])
        self._keep(chain)

    def _keep(self, chain: Chain) -> None:
        """Keeps a configuration for when it comes again; of too many the worst one goes."""
        key = key_of(chain.fixed)
        twin = self._closed.get(key)
        if twin is None or chain.rank < twin.rank:
            self._closed[key] = chain
        if len(self._closed) > MOST_KEPT:
            worst = max(self._closed, key=lambda key: self._closed[key].rank)
            del self._closed[worst]

    def explain(self) -> Sequence[Translation]:
        """One row per parameter, with the backend that it belongs to."""
        rows: list[Translation] = []
        if self._outer is not None:
            rows += self._outer_part.explain(self._outer.built, list(self._outer.space))
        if self._continuous:
            inner = self._inner_part.built(self._inner_space(self._continuous), 0)
            rows += self._inner_part.explain(inner, self._continuous)
        order = {name: place for place, name in enumerate(self._space)}
        return sorted(rows, key=lambda row: order[row.parameter])
