"""The runner ``ray``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.interrupts import CtrlC
from hpo_bridge.contracts.objective import Objective
from hpo_bridge.contracts.runner import Work
from hpo_bridge.contracts.runner_options import as_bytes, as_choice, as_count, as_seconds
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import InvalidOptions
from hpo_bridge.runners import StopPolicy, WorkerSettings

from .checkpoint_transfer import CheckpointTransfer
from .cluster import RayError, connected, elsewhere, inventory, names, room
from .cluster_actors import ClusterActors
from .code_upload import CodeFolder, root_of
from .dispatch import Dispatch
from .resources import Resources
from .trial_dispatch import Request, TrialDispatch

_UNCOUNTED = 64  # trials at once on a machine, where nothing that is asked for limits them


class Ray:
    """Runs trials in workers that Ray Tune places, on this machine or on a cluster.

    Each worker is one Tune trial, and runs one of the study's trials after another. A worker that
    dies gives its trial back, and Tune starts it again, elsewhere if need be.

    Args:
        mode: ``slots``, or ``trials`` for one Tune trial per trial; by default whichever the
            study needs: ``trials`` for resources that depend on the parameters and for
            pruners of Ray's, such as ``ray.asha``.
        workers: How many trials run at once; by default as many as the cluster has room for.
        cpu: CPUs of each worker, also a fraction; or an expression over the parameters, such
            as ``"2 if layers > 3 else 1"``, for those of each trial.
        gpu: GPUs, likewise; the worker sees these alone.
        resources: Further resources of each worker, by the cluster's names for them.
        address: ``auto``, ``HOST:PORT``, ``ray://HOST:PORT``, or ``local`` for a Ray of our
            own; by default the Ray that is there, else ``local``.
        runtime_env: Ray's runtime environment of the workers, where we connect to a cluster.
        trial_timeout: Seconds a trial may take, or a text such as ``"5m"``.
        retries: How often a trial that failed is tried again; the study sees to it.
        output: ``capture`` keeps the end of each trial's output on the driver's machine, for
            ``hpo-bridge logs`` and for the reason of a failure; ``inherit`` sends it to Ray's
            logs.
        order: ``deterministic`` for trials that do not depend on timing; needs ``workers``.
        memory: Address space for each trial's process, in bytes or as ``"2GB"``.
        grace: Seconds that running trials get to end after Ctrl-C or at the end of the
            time budget. A second Ctrl-C ends them at once.
    """

    def __init__(
        self,
        mode: str | None = None,
        workers: int | None = None,
        cpu: float | str = 1.0,
        gpu: float | str = 0.0,
        resources: Mapping[str, float | str] | None = None,
        address: str | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        trial_timeout: float | str | None = None,
        retries: int = 0,
        output: str = "capture",
        order: str = "free",
        memory: int | str | None = None,
        grace: float | str = 2.0,
    ) -> None:
        self.workers = None if workers is None else as_count("workers", workers, 1)
        self.mode = None if mode is None else as_choice("mode", mode, "slots", "trials")
        self.resources = Resources.of(cpu, gpu, resources)
        if self.mode == "slots" and self.resources.vary:
            raise InvalidOptions(
                "slots has workers of one size; resources that depend on "
                "the parameters need mode: trials",
                "mode",
            )
        self.address = _text("address", address)
        self.runtime_env = _mapping("runtime_env", runtime_env)
        self.trial_timeout = as_seconds("trial_timeout", trial_timeout)
        self.retries = as_count("retries", retries, 0)
        self.output = as_choice("output", output, "capture", "inherit")
        self.order = as_choice("order", order, "free", "deterministic")
        if self.order == "deterministic" and self.workers is None:
            raise InvalidOptions("deterministic needs workers: the trials depend on it", "order")
        self.memory = as_bytes("memory", memory)
        self.grace = 0.0 if grace == 0 else as_seconds("grace", grace) or 0.0

    def check_objective(self, objective: Objective) -> None:
        """Raises InvalidOptions if a trial needs more CPUs than its worker asks for."""
        self.resources.check_room_for(objective)

    def run(self, work: Work) -> None:
        """Evaluates trials until nothing is left or ``work.stopping`` is set.

        Raises:
            ObjectiveError: If the objective cannot be sent to a worker or loaded there.
            RayError: If there is no Ray, or it has not what is asked for, or has gone.
            KeyboardInterrupt: After Ctrl-C, when all has been tidied up.
        """
        work.objective.check()
        self.check_objective(work.objective)
        if work.exhausted:
            return
        pruner: Any = work.pruner if hasattr(work.pruner, "scheduler") else None
        by_trial = self.mode == "trials" or self.resources.vary or pruner is not None
        if self.mode == "slots" and by_trial:
            raise InvalidOptions(
                "slots has no place for a pruner of Ray's", "mode", fix="use trials"
            )
        if pruner is not None:
            pruner.check(work.space)
        with CtrlC() as ctrl_c:
            with connected(self.address, self.runtime_env) as ray:
                workers = self._room(ray, pruner)
                actors = ClusterActors.started(ray, self._setup(ray, work))
                stop = StopPolicy(work, ctrl_c, self.grace)
                dispatch = self._dispatch(ray, work, actors, stop, by_trial=by_trial)
                try:
                    if by_trial:
                        actors.place_trials(workers, work, pruner)
                    else:
                        actors.place(workers, self.resources.fixed)
                    dispatch.loop()
                finally:
                    try:
                        dispatch.close()
                    finally:
                        actors.close(dispatch.workers)
            ctrl_c.raise_pending()

    def _dispatch(
        self, ray: Any, work: Work, actors: ClusterActors, stop: StopPolicy, *, by_trial: bool
    ) -> Dispatch:
        transfer = CheckpointTransfer(ray, actors.hub, work.checkpoints, names())
        ahead = self.order == "free"
        if not by_trial:
            return Dispatch(work, actors.exchange, stop, transfer, ahead=ahead)
        return TrialDispatch(
            work, actors.exchange, stop, transfer, request=self._request(ray), ahead=ahead
        )

    def _room(self, ray: Any, pruner: Any) -> int:
        """Return the number of workers to place, or of trials at once."""
        most = room(ray, self.resources.fixed)
        asked = self.workers or 1
        if most < asked:
            raise RayError(_too_much(ray, asked, self.resources.fixed, most))
        workers = self.workers or min(most, len(ray.nodes()) * _UNCOUNTED)
        if getattr(pruner, "trials_at_once", 0) and workers < most:
            raise RayError(
                "this pruner of Ray's runs as many trials as there is room for",
                fix=("leave workers out, or ask for more cpu for each trial"),
            )
        return workers

    def _request(self, ray: Any) -> Request:
        """Return a function that gives the resources of a trial."""

        def request(trial: Trial) -> dict[str, float]:
            wanted = self.resources.at(trial.params)
            if not room(ray, wanted):
                raise RayError(f"trial {trial.number}: " + _too_much(ray, 1, wanted, 0))
            return wanted

        return request

    def _setup(self, ray: Any, work: Work) -> Any:
        from .ray_worker import Setup

        folder, several = root_of(work.objective), elsewhere(ray)
        settings = WorkerSettings.of(
            work, timeout=self.trial_timeout, memory=self.memory, capture=self.output == "capture"
        )
        return Setup(
            settings,
            folder=CodeFolder.packed(folder, sent=several) if folder else None,
            work_dir=os.getcwd(),
            path=tuple(sys.path),
            home=names(),
        )


def _too_much(ray: Any, asked: int, resources: Mapping[str, float], most: int) -> str:
    wanted = ", ".join(f"{name}: {amount:g}" for name, amount in resources.items())
    return (
        f"{asked} worker{'s' * (asked != 1)} of {{{wanted}}} asked for, and there is room for "
        f"{most} on {inventory(ray)}"
    )


def _mapping(name: str, value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, Mapping):
        raise InvalidOptions(f"found {value!r}; expected a mapping", name)
    return None if value is None else dict(value)


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidOptions(f"found {value!r}; expected a text", name)
    return value
