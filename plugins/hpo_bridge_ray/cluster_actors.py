"""The actors of a run, from the driver's side: the hub, and the placement of workers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hpo_bridge.contracts.runner import Work
from hpo_bridge.objectives import explain

from .cluster import RayError
from .connected_worker import Message
from .head_watch import HeadWatch
from .hub import NAMESPACE, Hub

_LEAVE = 1.0  # seconds for idle workers to leave by themselves
_END = 8.0  # seconds for Tune to give all that it has placed free
_SOME_MEMORY = 1
"""Bytes asked for by the hub and the placement.

Ray gives an actor that asks for no resource to a node at random, and does not look at its
scheduling strategy: it would be lost with that node.
"""


@dataclass
class ClusterActors:
    """Hub and placement, from the driver's side."""

    ray: Any
    hub: Any
    placement: Any
    head: HeadWatch
    running: Any = None

    @classmethod
    def started(cls, ray: Any, setup: Any) -> ClusterActors:
        """Return the actors of a new run; ``setup`` is what every worker gets."""
        from .placement import Placement

        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        beside = {"num_cpus": 0, "memory": _SOME_MEMORY, "scheduling_strategy": here}
        name = f"hub-{uuid.uuid4().hex}"
        hub = (
            ray.remote(Hub)
            .options(
                max_concurrency=10_000, name=name, namespace=NAMESPACE, **beside
            )
            .remote(setup)
        )  # fmt: skip
        placement = ray.remote(Placement).options(max_concurrency=2, **beside).remote(hub, name)
        return cls(ray, hub, placement, HeadWatch(ray))

    def place(self, workers: int, resources: Mapping[str, float]) -> None:
        """Has the workers placed; they come up by and by."""
        self.running = self.placement.run.remote(workers, dict(resources))

    def place_trials(self, places: int, work: Work, pruner: Any) -> None:
        """Has Tune run trials, as many at once."""
        more = pruner, work.space
        self.running = self.placement.run_trials.remote(places, work.sign, *more)

    def exchange(self, orders: list[Message], patience: float) -> list[Message]:
        """The hub's.

        Raises:
            RayError: If the cluster has gone, or Tune has given up.
        """
        try:
            news: list[Message] = self.ray.get(self.hub.exchange.remote(orders, patience))
            self.head.check()
        except (self.ray.exceptions.RayError, ConnectionError, RayError) as error:
            raise RayError(
                f"the connection to Ray is lost: {' '.join(str(error).split())} — nothing that "
                "was finished is",
                fix="run the same command again",
            ) from error
        if not news and self.running is not None:
            self._check()
        return news

    def _check(self) -> None:
        """Raise if Tune no longer keeps the workers running."""
        done, _ = self.ray.wait([self.running], timeout=0)
        if done:
            try:
                self.ray.get(self.running)
                why = "all workers have left"
            except Exception as error:
                why = explain(getattr(error, "cause", None) or error)
            raise RayError(f"Ray Tune has given up: {why}")

    def close(self, workers: Mapping[str, bool]) -> None:
        """Lets workers leave that are idle, and ends the others."""
        self.head.close()
        with suppress(Exception):  # the cluster may be gone
            self._dismiss(workers)
            self.placement.stop.remote()
            self.ray.wait([self.running], timeout=_END)
        for actor in (self.placement, self.hub):
            with suppress(Exception):
                self.ray.kill(actor)

    def _dismiss(self, workers: Mapping[str, bool]) -> None:
        end = time.monotonic() + _LEAVE
        self.hub.finish.remote()
        orders: list[Message] = [
            ("stop" if idle else "cut", worker) for worker, idle in workers.items()
        ]
        left = {worker for worker, idle in workers.items() if idle}
        while orders or (left and time.monotonic() < end):
            news = self.ray.get(self.hub.exchange.remote(orders, 0.1), timeout=_LEAVE)
            orders = []
            left -= {worker for kind, worker, *_ in news if kind in ("left", "lost")}
