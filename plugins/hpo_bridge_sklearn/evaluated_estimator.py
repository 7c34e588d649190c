"""The evaluation behind ``cross_validated``: a trial is a cross-validation, a fold is a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from sklearn import get_config

from hpo_bridge import Measured, Trial
from hpo_bridge.contracts.objective import Function
from hpo_bridge.contracts.record import Direction
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.objectives import packed, unpacked
from hpo_bridge.space import Space

from .arguments import ErrorScore
from .data import Data, as_data
from .fold_pool import FoldPool
from .folding import CrossValidation
from .named import Named, replaced
from .prepared import Params, Prepared, points_of, prepare, said_of
from .scoring import VALUE, aims
from .splits import check_number, kept


@dataclass(frozen=True, eq=False)
class EvaluatedEstimator:
    """The cross-validated score of an estimator, as an objective.

    It can be pickled, and is then what any worker can load. Called with a trial it evaluates it,
    for studies that are asked and told by hand.

    Attributes:
        estimator: An estimator, a class of one, or a factory.
        data: :class:`~hpo_bridge_sklearn.data.Data`, or a function that loads them.
        cv: What scikit-learn takes.
        scoring: Likewise.
        objective: Which scorer is the value.
        error_score: What a fold counts whose fit or score raises.
        return_train_score: Whether the part that was fitted on is scored too.
        fold_workers: How many folds of a trial run at once.
        folder: What references are relative to.
        config: Scikit-learn's configuration.
        space: The study's, once it is known.
        directions: Likewise.
    """

    estimator: Any
    data: Any
    cv: Any = None
    scoring: Any = None
    objective: str | None = None
    error_score: ErrorScore = np.nan
    return_train_score: bool = False
    fold_workers: int = 1
    folder: str | None = None
    config: Mapping[str, Any] = field(default_factory=get_config)
    space: Space | None = None
    directions: Mapping[str, Direction] = field(
        default_factory=lambda: {VALUE: Direction.MAXIMIZE}
    )

    @property
    def processes(self) -> int:
        """Number of processes that one trial keeps busy."""
        return self.fold_workers

    def describe(self) -> str:
        """The estimator's name, or where it comes from."""
        estimator = self.estimator
        name = getattr(estimator, "__qualname__", None) or type(estimator).__name__
        return f"cross_validated({estimator.text if isinstance(estimator, Named) else name})"

    def check(self) -> None:
        """Looks for what is named; imports nothing of the user's.

        Raises:
            ObjectiveError: If something is not there.
        """
        for named in self._named():
            named.reference(self.folder).check()

    def bind(self, space: Space, directions: Mapping[str, Direction]) -> Self:
        """The objective for a study: what its objectives are, and which parameters it has.

        Raises:
            ObjectiveError: If they do not go together; where nothing has to be imported, also
                if the data, the folds or the scorers are wrong.
        """
        aims(directions, self._known_scoring(), self.objective)
        found = replace(self, space=space, directions=dict(directions))
        if not self._named():
            found.prepared()
        return found

    def load(self) -> Function:
        """The function of a trial; imports the user's code, and loads the data.

        Raises:
            ObjectiveError: If that fails, or they are wrong.
        """
        try:
            return self._made(self.prepared())
        except ObjectiveError as error:
            raise ObjectiveError(f"objective {self.describe()}: {error}") from error

    def prepared(self, params: Params | None = None) -> Prepared:
        """All that folds need; ``params`` are those of a trial, where the space is not known.

        Raises:
            ObjectiveError: If something is wrong.
        """
        points = [dict(params or {})] if self.space is None else points_of(self.space)
        scoring = self._scoring()
        number = np.nan if self.error_score == "raise" else float(self.error_score)
        return prepare(
            self.found(self.estimator), self.loaded(),
            cv=self.splitter(), scoring=scoring, error_score=number,
            return_train_score=self.return_train_score,
            aims=aims(self.directions, scoring, self.objective),
            config=self.config, points=points, space=self.space,
        )  # fmt: skip

    def __call__(self, trial: Trial) -> Measured:
        """Evaluates one trial, everything loaded for it alone."""
        return self._made(self.prepared(trial.params))(trial)

    def _made(self, prepared: Prepared) -> CrossValidation:
        workers = min(self.fold_workers, prepared.folds)
        pool = FoldPool(replace(self, fold_workers=1), workers) if workers > 1 else None
        return CrossValidation(prepared, pool, stops=self.error_score == "raise")

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[type[Self], bytes]]:
        """Travels as what cloudpickle makes of it."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        owners = [getattr(part, "__module__", None) for part in self._parts()]
        return _unpacked, (
            type(self),
            packed(parts, self.describe(), owners),
        )

    # -- what is named ----------------------------------------------------------------

    def _parts(self) -> list[Any]:
        """All that may be the user's."""
        scorers = self.scoring.values() if isinstance(self.scoring, Mapping) else [self.scoring]
        steps = [step for _, step in getattr(self.estimator, "steps", ())]
        return [self.estimator, *steps, self.data, self.cv, *scorers]

    def _named(self) -> list[Named]:
        return [part for part in self._parts() if isinstance(part, Named)]

    def found(self, part: Any) -> Any:
        """A part of it; imports what is only named."""
        return part.reference(self.folder).load() if isinstance(part, Named) else part

    def _known_scoring(self) -> Any:
        """The scorers, with stand-ins for those that are named: nothing is imported."""
        return replaced(self.scoring, lambda named: lambda *data: 0.0)

    def _scoring(self) -> Any:
        return replaced(self.scoring, self.found)

    def splitter(self) -> Any:
        """Return the splitter; imports it if it is only named."""
        cv = self.found(self.cv)
        if cv is self.cv:
            return cv
        with said_of("cv"):  # it may be a class, or a function that gives one
            made = (
                cv() if isinstance(cv, type) or (not hasattr(cv, "split") and callable(cv)) else cv
            )
            if isinstance(made, int):
                check_number(made)
            return kept(made)

    def loaded(self) -> Data:
        """The data; loads them.

        Raises:
            ObjectiveError: If that fails, or they are none.
        """
        data = self.found(self.data)
        with said_of("data"):
            return as_data(data() if callable(data) else data)


def _unpacked(kind: type[EvaluatedEstimator], data: bytes) -> EvaluatedEstimator:
    return kind(**unpacked(data))
