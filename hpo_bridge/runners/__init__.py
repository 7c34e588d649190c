"""Runners: inline and processes; and for other runners what these are made of.

Authors of runners and of objectives with processes of their own import the names below from here.
"""

from __future__ import annotations

from .processes import Processes, usable_cpus
from .stop_policy import StopPolicy
from .waker import Waker
from .worker import WorkerSettings
from .worker_handle import WorkerDied, WorkerHandle
from .worker_process import Line, WorkerProcess

__all__ = [
    "Line",
    "Processes",
    "StopPolicy",
    "Waker",
    "WorkerDied",
    "WorkerHandle",
    "WorkerProcess",
    "WorkerSettings",
    "usable_cpus",
]
