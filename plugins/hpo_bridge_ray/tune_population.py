"""Tune's own schedulers of population based training, made to keep to the study's space.

A trial's ``config`` for Tune has the parameters as pairs under ``params``, whatever their names
(Tune takes mappings apart, at slashes in names too).
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.schedulers.pb2 import PB2

from hpo_bridge.space import Space

from .mutation import perturbed
from .schedulers import LOSS, PARAMS, TIME

_UNIT = "unit"  # in a trial's config, for PB2: coordinates in the unit cube, by position
_DRAWN = 1.0  # PB2 without a model: all parameters are drawn anew

log = logging.getLogger(__name__)


class _UnblockedPbt(PopulationBasedTraining):
    """Population based training whose trials do not wait for one that has ended.

    Tune perturbs a population when the last of it reports. If that one ends instead, all others
    stay paused for ever; here they train on, and are perturbed the next time.
    """

    def choose_trial_to_run(self, tune_controller: Any, **more: Any) -> Trial | None:
        """As Tune does, but for a population that waits for nobody."""
        chosen: Trial | None = super().choose_trial_to_run(tune_controller, **more)
        if chosen is not None or not self._synch:
            return chosen
        live = [trial for trial in tune_controller.get_trials() if not trial.is_finished()]
        if not live or any(trial.status != Trial.PAUSED for trial in live):
            return None
        times = [self._trial_state[trial].last_train_time for trial in live]
        if min(times) < self._next_perturbation_sync:
            return None
        self._next_perturbation_sync = max(times) + self._perturbation_interval
        chosen = super().choose_trial_to_run(tune_controller, **more)
        return chosen


class BoundedPbt(_UnblockedPbt):
    """Population based training whose new parameters are points of the space.

    Args:
        space: The study's.
        names: The parameters that may change.
        options: Tune's.
    """

    def __init__(self, space: Space, names: Sequence[str], **options: Any) -> None:
        super().__init__(
            time_attr=TIME, metric=LOSS, mode="min", custom_explore_fn=dict, log_config=False,
            **options,
        )  # fmt: skip
        self._space, self._names = space, names
        self._rng = random.Random()

    def _get_new_config(self, trial: Trial, trial_to_clone: Trial) -> tuple[Any, Any]:
        params = perturbed(
            self._space, dict(trial_to_clone.config[PARAMS]), self._names,
            self._resample_probability, self._perturbation_factors, self._rng,
        )  # fmt: skip
        return {**trial_to_clone.config, PARAMS: list(params.items())}, {}


class UnitCubePb2(_UnblockedPbt, PB2):
    """PB2 over the unit cube of the parameters that may change.

    Args:
        space: The study's.
        names: The parameters that may change.
        options: Tune's.
    """

    def __init__(self, space: Space, names: Sequence[str], **options: Any) -> None:
        super().__init__(
            time_attr=TIME, metric=LOSS, mode="min", log_config=False,
            hyperparam_bounds={_UNIT: {str(i): [0.0, 1.0] for i in range(len(names))}}, **options,
        )  # fmt: skip
        self._space, self._names = space, names
        self._rng = random.Random()

    def on_trial_add(self, tune_controller: Any, trial: Trial, **more: Any) -> None:
        """Notes where the trial is in the cube."""
        trial.config[_UNIT] = self._unit(dict(trial.config[PARAMS]))
        super().on_trial_add(tune_controller, trial, **more)

    def _unit(self, params: dict[str, Any]) -> dict[str, float]:
        """Coordinates; the middle for what is inactive."""
        return {
            str(i): self._space[name].encode(params[name]) if name in params else 0.5
            for i, name in enumerate(self._names)
        }

    def _save_trial_state(self, state: Any, time: Any, result: Any, trial: Trial) -> Any:
        """A loss that is no finite number is not shown to the model."""
        if math.isfinite(result[LOSS]):
            return super()._save_trial_state(state, time, result, trial)
        return PopulationBasedTraining._save_trial_state(self, state, time, result, trial)

    def _get_new_config(self, trial: Trial, trial_to_clone: Trial) -> tuple[Any, Any]:
        before = dict(trial_to_clone.config[PARAMS])
        params = dict(before)
        try:
            config, _ = super()._get_new_config(trial, trial_to_clone)
            for i, name in enumerate(self._names):
                if name in params:
                    u = float(config[_UNIT][str(i)])
                    params[name] = self._space[name].decode(min(max(u, 0.0), 1.0))
        except (ValueError, KeyError, np.linalg.LinAlgError) as error:  # nothing to fit yet, say
            log.info("PB2 has no model: %s", error)
            params = self._drawn(before)
        if self._space.violated(params) is not None:
            params = self._drawn(before)
        config = {**trial_to_clone.config, PARAMS: list(params.items()), _UNIT: self._unit(params)}
        return config, {}

    def _drawn(self, params: dict[str, Any]) -> dict[str, Any]:
        return perturbed(self._space, params, self._names, _DRAWN, (1.0,), self._rng)
