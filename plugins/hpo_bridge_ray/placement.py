"""The actor in which Ray Tune places the workers, and starts again those that die.

Tune runs in a process of its own: its settings are environment variables, which are set there
and not in the user's process, and so is what it prints. Its trials are children of this actor:
when it ends, however that happens, Ray ends them. It is asked to stop before it is killed, since
the placement groups of an actor that is killed stay, and hold their resources, until the
driver's job ends.
"""

from __future__ import annotations

import os
import threading
from typing import Any

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no result.json, progress.csv, event files
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # the study's store is the only truth
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "86400",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that fails has no loss
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}
"""What Tune reads at its start; see https://docs.ray.io/en/latest/tune/api/env.html.

Set by the actor itself and not as its runtime environment, which its workers would inherit: a
process with one starts two interpreters in turn.
"""


class Placement:
    """Made an actor by :mod:`hpo_bridge_ray.runner`.

    Args:
        hub: The hub's handle.
        name: Its name.
    """

    def __init__(self, hub: Any, name: str) -> None:
        os.environ.update(ENVIRONMENT)
        self._hub = hub
        self._name = name

    def stop(self) -> None:
        """Ends all workers; ``run`` returns soon after."""
        _stopped.set()

    def run(self, workers: int, resources: dict[str, float]) -> None:
        """Keeps ``workers`` workers running, until all were told to stop.

        Args:
            workers: How many Tune trials; each is one worker.
            resources: What each takes: ``CPU``, ``GPU``, and names of the cluster's own.
        """
        from ray import tune
        from ray.tune import FailureConfig, RunConfig, TuneConfig

        from .locked_folder import LockedFolder
        from .tune_actor import HUB, RESOURCES
        from .tune_trainables import SlotTrainable, patch_tune

        patch_tune()

        with LockedFolder() as folder:
            tune.Tuner(
                SlotTrainable,
                param_space={HUB: self._name, RESOURCES: resources},
                tune_config=TuneConfig(num_samples=workers, max_concurrent_trials=workers),
                run_config=RunConfig(
                    storage_path=str(folder.path),
                    failure_config=FailureConfig(max_failures=-1),
                    callbacks=[_losses(self._hub)],
                    stop=_until_stopped(),
                    verbose=0,
                ),
            ).fit()

    def run_trials(self, places: int, sign: float, pruner: Any, space: Any) -> None:
        """Runs the study's trials as Tune's own, until asked to stop.

        Args:
            places: How many may run at once.
            sign: What makes a loss of a reported value.
            pruner: Has ``scheduler(space)``, which gives Tune's; or ``None``.
            space: The study's.
        """
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(places)
        from ray import tune
        from ray.tune import RunConfig, TuneConfig

        from .locked_folder import LockedFolder
        from .study_search import StudySearch
        from .trial_actor import SIGN
        from .tune_actor import HUB
        from .tune_trainables import TrialTrainable, patch_tune

        patch_tune()
        common = {HUB: self._name, SIGN: sign}
        trials_at_once = getattr(pruner, "trials_at_once", 0)
        with LockedFolder() as folder:
            tune.Tuner(
                TrialTrainable,
                tune_config=TuneConfig(
                    search_alg=StudySearch(self._hub, places, trials_at_once, over, common),
                    scheduler=None if pruner is None else pruner.scheduler(space),
                    reuse_actors=True,
                ),
                run_config=RunConfig(
                    storage_path=str(folder.path),
                    callbacks=[_ends(self._hub)],
                    stop=_until_stopped(),
                    verbose=0,
                ),
            ).fit()


def _ends(hub: Any) -> Any:
    """Tells the hub of trials that Tune has stopped or lost."""
    import ray
    from ray.tune import Callback

    from .trial_actor import OVER

    class Ends(Callback):
        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            if not (trial.last_result or {}).get(OVER) and not over():
                ray.get(hub.stopped.remote(trial.trial_id))

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            hub.failed.remote(trial.trial_id)

    return Ends()


def _losses(hub: Any) -> Any:
    """Tells the hub of a worker that has died as soon as Tune knows."""
    from ray.tune import Callback

    class Losses(Callback):
        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
            hub.lose.remote(trial.trial_id)

        on_trial_recover = on_trial_error

    return Losses()


_stopped = threading.Event()  # of this actor, alone in its process


def over() -> bool:
    """Return ``True`` if the actor was asked to stop."""
    return _stopped.is_set()


def _until_stopped() -> Any:
    """Stops all trials once the actor was asked to."""
    from ray.tune.stopper import Stopper

    class UntilStopped(Stopper):
        def __call__(self, trial_id: str, result: Any) -> bool:
            return False

        def stop_all(self) -> bool:
            return _stopped.is_set()

        def __reduce__(self) -> Any:  # Tune keeps a copy of all that it was given
            return _until_stopped, ()

    return UntilStopped()
