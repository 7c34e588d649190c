"""One study as the dashboard's page shows it: a bounded answer, of which little is made anew."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

import optuna
from hpo_bridge_optuna.study_reader import StudyReader
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState
from optuna_dashboard._serializer import serialize_search_space

from hpo_bridge.contracts.directions import Objectives
from hpo_bridge.contracts.record import TrialRecord, TrialState

from .page_trials import MOST_REPORTS, PageTrial, page_trial
from .trial_sample import Front, TrialSample

MOST_TRIALS = 1000
FEWEST_TRIALS = 20
"""Bounds of the number of trials up to which a page draws all."""
MOST_CHARACTERS = 5_000_000
"""Characters of JSON that decide on that number: a page that holds more is slow."""
MOST_BEST = 200
"""Number of trials of a front that are listed."""
MOST_RANKED = 24_000
"""Values of parameters from which their importance is computed."""


class StalePage(Exception):
    """A page asks for the rest of a list that is no more."""


@dataclass(frozen=True, slots=True)
class StudyAnswer:
    """The answer to a page that asks for a study.

    Attributes:
        text: The JSON.
        sample: The name of the list of trials that the answer continues.
        notice: What is not drawn, in words; empty if all is.
    """

    text: str
    sample: str
    notice: str


class StudyPage:
    """One study as the page shows it. All methods may be called from any thread.

    Args:
        study: The study.
        session: The name of this run of the dashboard.
        store: The store's URL, without a password.
    """

    def __init__(self, study: StudyReader, session: str, store: str) -> None:
        self._study, self._session, self._store = study, session, store
        self._samples: list[TrialSample] = []
        self._pages: dict[int, PageTrial] = {}
        self._front, self._judged = Front({}), set[int]()
        self._importances: list[list[dict[str, Any]]] = []
        self._ranked = (0, 0)  # the version and number of the trials that they are computed from
        self._version, self._lock = 0, RLock()

    def answer(self, after: int, sample: str | None) -> StudyAnswer:
        """Return the study and the drawn trials from a position on.

        Args:
            after: The position in the page's list.
            sample: The list's name; ``None`` for a page that has none.

        Raises:
            StalePage: If there is no such list any more.
            HpoBridgeError: If the store cannot be read.
        """
        with self._lock:
            self._update()
            records = self._study.records
            at = self._sample(sample if after else None)
            shown = self._samples[at].numbers(records)
            pages = [self._page(records[number]) for number in shown]
            best = self._best_trials()
            notice = self._notice(pages, best)
            data = self._facts(pages, notice)
            trials = ",".join(page.text for page in pages[after:])
            listed = ",".join(self._page(record).text for record in best)
            head = json.dumps(data)[:-1]
            text = f'{head}, "best_trials": [{listed}], "trials": [{trials}]}}'
            return StudyAnswer(text, self._name(at), notice)

    def _name(self, sample: int) -> str:
        return f"{self._session}.{self._version}.{sample}"

    def _update(self) -> None:
        self._study.update()
        if self._study.version != self._version:
            self._version = self._study.version
            self._samples, self._pages = [], {}
            self._front, self._judged = Front(self._signs()), set()

    def _signs(self) -> dict[str, float]:
        return Objectives(self._study.objectives).signs

    def _sample(self, name: str | None) -> int:
        """Return the position of a list of trials; of a new one, if those there do not do."""
        records = self._study.records
        if name is not None:
            known = [self._name(at) for at in range(len(self._samples))]
            if name not in known:
                raise StalePage
            return known.index(name)
        capacity = self._samples[0].capacity if self._samples else self._capacity()
        new = TrialSample(capacity, len(records), self._signs())
        steps = [known.step for known in self._samples]
        if new.step not in steps:
            self._samples.append(new)
            return len(steps)
        return steps.index(new.step)

    def _capacity(self) -> int:
        """Return the number of trials that a page can hold, by the size of some of them."""
        records = self._study.records
        some = records[:: max(1, len(records) // 20)]
        sizes = [len(page_trial(self._study, record).text) for record in some]
        typical = sum(sizes) / len(sizes) if sizes else 1.0
        return int(min(MOST_TRIALS, max(FEWEST_TRIALS, MOST_CHARACTERS / typical)))

    def _page(self, record: TrialRecord) -> PageTrial:
        page = self._pages.get(record.number)
        if page is None or page.record is not record:
            page = self._pages[record.number] = page_trial(self._study, record)
        return page

    def _facts(self, pages: Sequence[PageTrial], notice: str) -> dict[str, Any]:
        study = self._study
        numeric: dict[str, bool] = {}
        for page in pages:
            for name, is_number in page.attributes.items():
                numeric[name] = numeric.get(name, True) and is_number
        judged = [page.params for page in pages if page.record.state is not TrialState.FAILED]
        common = frozenset.intersection(*judged) if judged else frozenset()
        union = sorted(study.forms.distributions.items())
        return {
            "name": study.name,
            "directions": list(study.objectives.values()),
            "objective_names": list(study.objectives),
            "user_attrs": [{"key": k, "value": v} for k, v in self._about(notice).items()],
            "union_search_space": serialize_search_space(union),
            "intersection_search_space": serialize_search_space(
                [each for each in union if each[0] in common]
            ),
            "union_user_attrs": [{"key": k, "sortable": v} for k, v in numeric.items()],
            "has_intermediate_values": any(page.has_reports for page in pages),
            "note": {"version": 0, "body": ""}, "artifacts": [], "plotly_graph_objects": [],
            "is_preferential": False, "feedback_component_type": {"output_type": "note"},
        }  # fmt: skip

    def _about(self, notice: str) -> dict[str, str]:
        """Return what the page lists of the study."""
        row = self._study.row
        constants = self._study.forms.space.constants
        about = {
            "not all is drawn": notice, "backend": row.backend, "store": self._store,
            "driver": row.driver or "none: it does not run now",
            "seed": str(row.definition.get("seed")),
            "constants": json.dumps(constants) if constants else "",
            "constraints": "; ".join(map(str, row.definition.get("constraints", ()))),
        }  # fmt: skip
        return {name: text for name, text in about.items() if text}

    def _notice(self, pages: Sequence[PageTrial], best: Sequence[TrialRecord]) -> str:
        total, found = len(self._study.records), []
        if len(pages) < total:
            found.append(
                f"{len(pages):,} of {total:,} trials are drawn: an even sample, those that run, "
                "and each that was the best so far"
            )
        if any(len(page.record.reports) > MOST_REPORTS for page in pages):
            found.append(f"of each curve at most {MOST_REPORTS} points are drawn")
        if len(self._front.numbers) > len(best):
            found.append(f"{len(best)} of the {len(self._front.numbers):,} best are listed")
        return "; ".join([*found, "the CSV and hpo-bridge trials have all"] if found else [])

    def _best_trials(self) -> list[TrialRecord]:
        """Return the best trial, or the front, evenly thinned out."""
        for record in self._complete():
            if record.number not in self._judged:
                self._judged.add(record.number)
                self._front.add(record)
        numbers = sorted(self._front.numbers.tolist())
        step = -(-len(numbers) // MOST_BEST) or 1
        return [self._study.records[number] for number in numbers[::step]]

    def _complete(self) -> list[TrialRecord]:
        return [each for each in self._study.records if each.state is TrialState.COMPLETE]

    # -- importance, table ---------------------------------------------------------------

    def importances(self) -> list[list[dict[str, Any]]]:
        """Return the importance of each parameter, for each objective, as the page wants it.

        It is computed anew when there are a hundredth more trials.
        """
        with self._lock:
            self._update()
            complete = self._complete()
            version, seen = self._ranked
            if version != self._version or len(complete) - seen > seen // 100:
                width = max(1, len(self._study.forms.distributions))
                step = -(-len(complete) * width // MOST_RANKED) or 1
                trials = [self._study.freeze(record) for record in complete[::step]]
                objectives = range(len(self._signs()))
                self._importances = [self._importance(trials, each) for each in objectives]
                self._ranked = self._version, len(complete)
            return self._importances

    def _importance(self, trials: list[FrozenTrial], objective: int) -> list[dict[str, Any]]:
        if len(trials) < 2:
            return []
        sign = list(self._signs().values())[objective]
        study = _TrialsOfStudy(trials, len(self._signs()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ranked = get_param_importances(
                    study, evaluator=PedAnovaImportanceEvaluator(),
                    target=lambda trial: sign * trial.values[objective],
                )  # fmt: skip
        except ValueError:  # nothing that varies
            return []
        kinds = self._study.forms.distributions
        return [
            {"name": name, "importance": share, "distribution": type(kinds[name]).__name__}
            for name, share in ranked.items()
        ]

    def rows(self) -> Iterable[Mapping[str, Any]]:
        """Return each trial's row of the table that the page offers as a file."""
        with self._lock:
            self._update()
            records = list(self._study.records)
        for record in records:
            yield {
                "Number": record.number, "State": record.state.value, **(record.values or {}),
                **{f"Param {name}": value for name, value in record.params.items()},
                "backend": record.backend, "error": record.error,
            }  # fmt: skip


class _TrialsOfStudy(optuna.Study):
    """Trials for Optuna's importance, which asks a study for them."""

    def __init__(self, trials: list[FrozenTrial], objectives: int) -> None:
        self._trials = trials
        self._directions = [optuna.study.StudyDirection.MINIMIZE] * objectives

    def get_trials(self, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        """Return the trials, which are complete."""
        assert states == (OptunaState.COMPLETE,)
        return self._trials
