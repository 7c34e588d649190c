"""Errors of differentiating a training."""

from __future__ import annotations

from hpo_bridge.errors import GradientRequired, HpoBridgeError


class Diverged(HpoBridgeError):
    """A loss is no finite number; the message says which, and at which step."""


class NotConverged(HpoBridgeError):
    """A solver did not reach its tolerance; the message says how near it came."""


class NotRepeatable(HpoBridgeError):
    """A training gave other parameters when it was repeated, so that it has no gradient."""


class NoInfluence(GradientRequired):
    """A result does not depend on a hyperparameter, as far as torch can see."""


class NotInLoss(GradientRequired):
    """The implicit method was asked for the derivative by something outside of the loss."""
