"""Mode ``slots``: a trial of Tune's that is a worker, and runs many of the study's."""

from __future__ import annotations

from typing import Any

import ray

from .hub import NAMESPACE
from .ray_worker import serve
from .tune_actor import HUB, Role, TuneActor, plain_data_only

plain_data_only()


class SlotActor(TuneActor):
    """The actor."""

    def made(self, config: dict[str, Any], name: str) -> Role:
        """A worker, by Tune's name for it."""
        return _Serving(ray.get_actor(config[HUB], NAMESPACE), name)


class _Serving:
    def __init__(self, hub: Any, name: str) -> None:
        self._hub = hub
        self._name = name

    def step(self) -> dict[str, Any]:
        serve(self._hub, self._name)
        return {"done": True, "served": True}

    def reset(self, config: dict[str, Any], name: str) -> None:
        raise NotImplementedError  # Tune is told not to

    def go_on_from(self, name: str) -> None:
        """A worker has nothing to go on from."""

    def end(self) -> None:
        """It has left already."""
