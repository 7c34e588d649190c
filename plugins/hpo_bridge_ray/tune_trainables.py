"""Stand-ins, where Tune runs, for actors whose processes do without Tune.

Tune is given a class that is one of its own, and makes actors of another. What it
sends them arrives as plain text. Nor does Tune count whose callbacks it has, for which it imports
every tracker that is installed (MLflow alone takes a second). This takes hold of Tune at five
names that are not public (``_ActorClassCache``, ``_TrialInfo``, ``_TrainingResult``,
``StorageContext``, ``tag_callbacks``); the tests of this package see whether it still holds.
"""

from __future__ import annotations

from typing import Any

import ray
from ray.air._internal import usage
from ray.train._internal.session import _TrainingResult
from ray.train._internal.storage import StorageContext
from ray.tune import PlacementGroupFactory, Trainable
from ray.tune.execution import tune_controller
from ray.tune.execution.class_cache import _ActorClassCache
from ray.tune.experiment.trial import _TrialInfo
from ray.util import register_serializer

from .slot_actor import SlotActor
from .trial_actor import TrialActor
from .tune_actor import RESOURCES, TuneActor


class ActorTrainable(Trainable):
    """The actors as Tune knows them."""

    actor: type[TuneActor]

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> Any:
        """Return the resources of each actor; ``None`` if each trial has its own."""
        return PlacementGroupFactory([config[RESOURCES]]) if RESOURCES in config else None


class SlotTrainable(ActorTrainable):
    """A worker, which runs many of the study's trials."""

    actor = SlotActor


class TrialTrainable(ActorTrainable):
    """One of the study's trials."""

    actor = TrialActor


class _Actors(_ActorClassCache):
    """Has Tune make actors of the class that a stand-in stands for.

    Without the environment variables that Tune would send along: for an actor with a runtime
    environment of its own Ray starts two interpreters, one after the other.
    """

    def __init__(self) -> None:
        self._made: dict[type[TuneActor], Any] = {}

    def get(self, trainable_cls: type[ActorTrainable]) -> Any:
        actor = trainable_cls.actor
        if actor not in self._made:
            self._made[actor] = ray.remote(actor)
        return self._made[actor]


def patch_tune() -> None:
    """To be called once, in the process where Tune is to run."""
    tune_controller._ActorClassCache = _Actors  # type: ignore[attr-defined]
    usage.tag_callbacks = _counts_none
    register_serializer(_TrialInfo, serializer=_trial_id, deserializer=str)
    register_serializer(_TrainingResult, serializer=_path, deserializer=str)
    register_serializer(StorageContext, serializer=_nothing, deserializer=str)


def _counts_none(callbacks: Any) -> bool:
    return False


def _trial_id(info: Any) -> str:
    return str(info.trial_id)


def _path(result: Any) -> str:
    return str(result.checkpoint.path)


def _nothing(storage: Any) -> str:
    return ""
