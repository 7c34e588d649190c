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
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import (
    BackendError,
    HpoBridgeError,
    InvalidOptions,
    SearchExhausted,
    UnknownName,
    UnsupportedProblem,
    short,
)
from ..optimizer import (
    BackendSpec,
    Capability,
    Explains,
    Observation,
    Optimizer,
    Problem,
    Suggestion,
    Translation,
    WantsGradients,
)
from ..options import flag, whole
from ..plugins import PluginManager
from ..space import Space
from ..trial import TrialState, trial_seed
from .proposer import Proposal, Proposer, handed

MOST_KEPT = 100
"""How many configurations' inner searches are kept for the case that they come again."""


@dataclass
class Chain:
    """The trials of one configuration.

    Attributes:
        fixed: The configuration: outer parameters by name.
        inner: What searches the others; ``None`` if none is active.
        asked: How many trials it has had since the configuration was last proposed.
        told: How many of these have ended.
        losses: The best loss, if there is one.
        infeasible: Whether every trial so far was forbidden by a constraint.
        ended: Whether the inner search has nothing left.
        proposal: What the outer backend has to be told.
    """

    fixed: Mapping[str, Any]
    inner: Optimizer | None
    names: tuple[str, ...]
    asked: int = 0
    told: int = 0
    losses: tuple[float, ...] | None = None
    infeasible: bool = True
    ended: bool = False
    proposal: Proposal | None = None


class Hybrid:
    """Two backends by name, one inside of the other.

    Args:
        problem: A problem with one objective.
        plugins: Where to find the two.
        outer: The backend for integers, categories and stepped floats.
        outer_options: Its options.
        inner: The backend for continuous parameters.
        inner_options: Its options.
        inner_trials: How many trials each configuration gets before the next one.
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
        inner_trials: int = 6,
        warm_start: bool = True,
    ) -> None:
        self._problem, self._plugins = problem, plugins
        self._trials = whole("inner_trials", inner_trials, 1)
        self._warm = flag("warm_start", warm_start)
        self._inner = _Named("inner", inner, _mapping("inner_options", inner_options))
        self._continuous = [name for name, p in problem.space.items() if p.size is None]
        self._wants = False
        if self._continuous:  # raises now what would else be raised at some later trial
            self._wants = _wants_gradients(*self._inner_for(tuple(self._continuous), 0))
        outer_options = _mapping("outer_options", outer_options)
        self._outer = self._proposer(_Named("outer", outer, outer_options))
        self._open: list[Chain] = []
        self._closed: dict[str, Chain] = {}
        self._pending: dict[int, tuple[Chain, Mapping[str, Any], Any]] = {}
        self._given = self._begun = 0
        self._best: dict[tuple[str, ...], Observation] = {}

    @property
    def wants_gradients(self) -> bool:
        """Whether the inner backend does."""
        return self._wants

    # -- building ---------------------------------------------------------------------

    def _proposer(self, named: _Named) -> Proposer | None:
        """The outer backend; ``None`` if every parameter is continuous."""
        discrete = {n: p for n, p in self._problem.space.items() if n not in self._continuous}
        if not discrete:
            named.spec(self._plugins)
            return None
        seed = trial_seed(self._problem.seed, -1)
        with named:
            return Proposer(
                self._plugins, named.name, named.options, Space(discrete), 1, seed
            )

    def _inner_for(self, names: tuple[str, ...], seed: int) -> tuple[BackendSpec, Optimizer]:
        space = Space({name: replace(self._problem.space[name], when=None) for name in names})
        spec = self._inner.spec(self._plugins)
        with self._inner:
            problem = Problem(handed(space, spec), 1, seed)
            built: Optimizer = self._plugins.build(
                "backend", self._inner.name, self._inner.options, problem
            )
        return spec, built
