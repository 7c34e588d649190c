"""Ray Tune as a runner: trials on the CPUs and GPUs of a laptop or a cluster.

This module is data: Ray is imported when a study runs on it. The driver keeps the study and
its store; Ray may lose anything, and the study loses nothing.

The driver's side:

* ``runner``: the runner ``ray`` and its options. ``resources``: those of a worker or a trial.
* ``cluster``, ``address``, ``head_watch``: a Ray that is there, or one of our own for the run.
* ``dispatch``, ``trial_dispatch``: the driver's loop, the only place that talks to the study, in
  mode ``slots`` and in mode ``trials``.
* ``cluster_actors``: the actors of a run, made and ended.
* ``code_upload``, ``checkpoint_transfer``: files on their way between machines.

In actors:

* ``hub``, ``connected_worker``: the actor between the driver and the workers.
* ``placement``, ``study_search``, ``tune_trainables``: the actor in which Ray Tune places and
  restarts workers, its source of trials, and the classes of trials that it knows.
* ``ray_worker``, ``output_buffer``, ``worker_checkpoints``: a worker, its trial's output, and its
  trial's checkpoints where the driver's disks are not seen.
* ``tune_actor``, ``slot_actor``, ``trial_actor``: the actors that are such a worker, without Tune.

Besides: ``schedulers``, ``population``, ``mutation``, ``tune_population`` (Tune's schedulers as
pruners), ``experiments``, ``experiment_folder`` (trials from its folders), ``locked_folder``
(removed even if its process is killed).
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
