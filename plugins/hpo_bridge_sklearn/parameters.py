"""A check that an estimator has the parameters of a space."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from hpo_bridge.errors import ObjectiveError, nearest
from hpo_bridge.space import Space


def check_parameters(estimator: Any, space: Space) -> None:
    """Raises ObjectiveError if the estimator has no parameter of a name in the space."""
    known = sorted(estimator.get_params(deep=True))
    constants = space.constants
    for name in (*space, *constants):
        if name in known:
            continue
        try:
            clone(estimator).set_params(**{name: constants.get(name)})
        except ValueError as error:
            if "Invalid parameter" not in str(error):
                continue  # it is there, and takes no such value
        except Exception:
            continue
        else:
            continue  # some take parameters that they do not list
        ends = [other for other in known if other.endswith(f"__{name}")]
        hint = f" (did you mean {ends[0]!r}?)" if ends else nearest(name, known)
        raise ObjectiveError(
            f"Invalid parameter {name!r} for estimator {type(estimator).__name__}"
            f"{hint}. Valid parameters are: {', '.join(known)}",
            "space",
            name,
        )
