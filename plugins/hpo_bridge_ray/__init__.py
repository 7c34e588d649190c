"""Ray Tune as a runner: trials on the CPUs and GPUs of a laptop or a cluster.

This module is data: Ray is imported when a study runs on it. The driver keeps the study and
its store; Ray may lose anything, and the study loses nothing.

* :mod:`hpo_bridge_ray.runner`: the runner ``ray`` and its options.
* :mod:`hpo_bridge_ray.cluster`: a Ray that is there, or one of our own for the run.
* :mod:`hpo_bridge_ray.dispatch`: the driver's loop, the only place that talks to the study.
* :mod:`hpo_bridge_ray.hub`: the actor between the driver and the workers.
* :mod:`hpo_bridge_ray.placement`: the actor in which Ray Tune places and restarts workers.
* :mod:`hpo_bridge_ray.worker`: a worker: one Tune trial that runs many of ours.
* :mod:`hpo_bridge_ray.code`: the objective's folder, on its way to other machines.
"""

from __future__ import annotations

from hpo_bridge.hookspecs import hookimpl
from hpo_bridge.optimizer import RunnerSpec


@hookimpl
def hpo_register_runners() -> RunnerSpec:
    """``ray``."""
    return RunnerSpec(
        name="ray",
        factory="hpo_bridge_ray.runner:Ray",
        # What Ray Tune needs beside Ray itself: `ray[tune]`.
        requires=("ray>=2.50,<3", "fsspec", "pandas", "pyarrow", "requests", "tensorboardX"),
        summary="Workers placed by Ray Tune, on this machine or on a cluster",
        url="https://docs.ray.io/en/latest/tune/index.html",
    )
