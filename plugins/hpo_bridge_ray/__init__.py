"""Ray Tune as a runner: trials on the CPUs and GPUs of a laptop or a cluster.

This module is data: Ray is imported when a study runs on it. The driver keeps the study and
its store; Ray may lose anything, and the study loses nothing.

* :mod:`hpo_bridge_ray.runner`: the runner ``ray`` and its options.
* :mod:`hpo_bridge_ray.cluster`: a Ray that is there, or one of our own for the run.
* :mod:`hpo_bridge_ray.dispatch`: the driver's loop, the only place that talks to the study.
* :mod:`hpo_bridge_ray.hub`: the actor between the driver and the workers.
* :mod:`hpo_bridge_ray.placement`: the actor in which Ray Tune places and restarts workers.
* :mod:`hpo_bridge_ray.worker`: a worker: one Tune trial that runs many of ours.
* :mod:`hpo_bridge_ray.light`, :mod:`hpo_bridge_ray.stand_ins`: actors of Tune's whose processes do
  without Tune, and what Tune knows of them. :mod:`hpo_bridge_ray.slots`: the one that is a worker.
* :mod:`hpo_bridge_ray.code`: the objective's folder, on its way to other machines.
* :mod:`hpo_bridge_ray.resources`: what a worker or a trial takes of the cluster.
* :mod:`hpo_bridge_ray.trials`, :mod:`hpo_bridge_ray.search`, :mod:`hpo_bridge_ray.onetrial`: mode
  ``trials``, by the driver's loop, by Tune's, and in a worker.
* :mod:`hpo_bridge_ray.schedulers`: Tune's schedulers, as pruners.
* :mod:`hpo_bridge_ray.population`, :mod:`hpo_bridge_ray.mutation`,
  :mod:`hpo_bridge_ray.tune_population`: population based training, its options, what becomes
  of a trial's parameters, and Tune's schedulers of it.
* :mod:`hpo_bridge_ray.carriage`: checkpoints, on their way between machines.
* :mod:`hpo_bridge_ray.luggage`: what a worker keeps of them on its own disk.
* :mod:`hpo_bridge_ray.recent_output`: what a trial prints, on its way to the driver.
* :mod:`hpo_bridge_ray.passing`: folders that are removed even if their process is killed.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import FormatSpec, PrunerSpec, RunnerSpec

_REQUIRES = ("ray[tune]>=2.50,<3",)


@hookimpl
def hpo_register_runners() -> RunnerSpec:
    """``ray``."""
    return RunnerSpec(
        name="ray",
        factory="hpo_bridge_ray.runner:Ray",
        requires=_REQUIRES,
        summary="Workers placed by Ray Tune, on this machine or on a cluster",
        url="https://docs.ray.io/en/latest/tune/index.html",
    )


@hookimpl
def hpo_register_pruners() -> list[PrunerSpec]:
    """``ray.asha``, ``ray.hyperband``, ``ray.median``, ``ray.pbt``, ``ray.pb2``."""
    url = "https://docs.ray.io/en/latest/tune/api/schedulers.html"
    pruners = {
        "asha": ("schedulers:Asha", "Asynchronous successive halving, by Ray Tune"),
        "hyperband": ("schedulers:HyperBand", "HyperBand by Ray Tune, which pauses trials"),
        "median": ("schedulers:Median", "Median stopping, by Ray Tune"),
        "pbt": ("population:Pbt", "Population based training by Ray Tune: parameters change"),
        "pb2": ("population:Pb2", "Population based bandits by Ray Tune: by a Gaussian process"),
    }
    return [
        PrunerSpec(
            name=f"ray.{name}", factory=f"hpo_bridge_ray.{factory}",
            requires=_REQUIRES + (("scikit-learn",) if name == "pb2" else ()), summary=summary,
            url=url, runner="ray",
        )
        for name, (factory, summary) in pruners.items()
    ]  # fmt: skip


@hookimpl
def hpo_register_formats() -> FormatSpec:
    """``ray``: experiments of Ray Tune."""
    return FormatSpec(
        name="ray",
        factory="hpo_bridge_ray.experiments:Experiment",
        summary="The folder of a Ray Tune experiment: its JSON files, none of its pickles",
        url="https://docs.ray.io/en/latest/tune/index.html",
    )
