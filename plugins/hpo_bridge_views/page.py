"""The page of a report: HTML without scripts, every text of a study escaped."""

from __future__ import annotations

import base64
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from hpo_bridge import __version__
from hpo_bridge.contracts.formatting import format_duration
from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory

from .finding import Finding
from .picture import Picture
from .wording import counted, listed, shown

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.about { color: #666; margin-top: .2rem; }
ol.findings { padding-left: 1.4rem; } ol.findings li { margin: .7rem 0; }
details { color: #666; font-size: .85rem; } summary { cursor: pointer; }
figure { margin: 1.5rem 0; } figcaption { color: #666; font-size: .9rem; }
img { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd;
  white-space: nowrap; }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; font-size: .85rem; }
"""


def report_page(
    histories: Sequence[StudyHistory],
    findings: Sequence[Sequence[Finding]],
    tops: Sequence[Sequence[TrialRecord]],
    pictures: Sequence[tuple[str, Picture]],
) -> str:
    """Return the page of a report.

    Args:
        histories: The studies.
        findings: The findings of each.
        tops: The best trials of each.
        pictures: Titles and pictures.
    """
    names = listed(history.name for history in histories)
    parts = [f"<h1>{escape(names)}</h1>"]
    if len(histories) > 1:
        parts.append(_comparison(histories, tops))
    for history, found in zip(histories, findings, strict=True):
        parts.append(_opening(history, found, titled=len(histories) > 1))
    parts.append("<h2>Pictures</h2>")
    parts += [_figure(title, picture) for title, picture in pictures]
    for history, top in zip(histories, tops, strict=True):
        of = f" of {escape(history.name)}" if len(histories) > 1 else ""
        parts += [f"<h2>Best trials{of}</h2>", _top_table(history, top)]
        parts += [f"<h2>Make it again{of}</h2>", _origin(history)]
    made = f"Made by hpo_bridge {__version__} on Python {platform.python_version()}"
    parts.append(f'<p class="about">{made}, {_moment(datetime.now(UTC).timestamp())}.</p>')
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(names)}</title><style>{_STYLE}</style></head><body>"
    )
    return head + "\n".join(parts) + "\n</body></html>\n"


def _opening(history: StudyHistory, findings: Sequence[Finding], *, titled: bool) -> str:
    """Return what the study is, and its findings."""
    trials = tuple(history.trials)
    counts = Counter(trial.state.value.lower() for trial in trials)
    states = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    aims = ", ".join(f"{way.value} {name}" for name, way in history.directions.items())
    about = (
        f"{counted(len(trials), 'trial')}{f': {states}' if states else ''}. {aims}. "
        f"{format_duration(history.seconds)} of work, begun {_moment(history.created)}. "
        f"Store: {history.store}."
    )
    title = f"<h2>{escape(history.name)}</h2>" if titled else ""
    items = "".join(
        f"<li>{escape(finding.text)}{_evidence(finding.to_plain()['evidence'])}</li>"
        for finding in findings
    )
    return f'{title}<p class="about">{escape(about)}</p><ol class="findings">{items}</ol>'


def _evidence(evidence: Mapping[str, Any]) -> str:
    if not evidence:
        return ""
    text = escape(json.dumps(evidence, ensure_ascii=False))
    if len(text) > 3000:
        text = text[:3000] + " …"
    return f"<details><summary>evidence</summary>{text}</details>"


def _figure(title: str, picture: Picture) -> str:
    """Return a picture: an image of its own, in which no script ever runs."""
    data = base64.b64encode(picture.to_svg().encode()).decode()
    caption = escape(" ".join([f"{title}.", *picture.notes]))
    image = f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table><tr>{titles}</tr>{body}</table></div>'


def _top_table(history: StudyHistory, top: Sequence[TrialRecord]) -> str:
    if not top:
        return "<p>No trial is complete.</p>"
    params = [name for name in history.space if any(name in t.params for t in top)][:20]
    head = ["trial", *history.directions, *params, "backend", "seconds"]
    rows = []
    for trial in top[:30]:
        seconds = ""
        if trial.started is not None and trial.finished is not None:
            seconds = shown(trial.finished - trial.started, 3)
        errors = trial.standard_errors or {}
        values = [
            shown(value, 6) + (f" ± {shown(errors[name], 2)}" if name in errors else "")
            for name, value in (trial.values or {}).items()
        ]
        cells = [shown(trial.params[name]) if name in trial.params else "" for name in params]
        rows.append([str(trial.number), *values, *cells, trial.backend or "enqueued", seconds])
    return _table([shown(name) for name in head], rows)


def _comparison(histories: Sequence[StudyHistory], tops: Sequence[Sequence[TrialRecord]]) -> str:
    """Return a table of studies, one beside the other."""
    rows = []
    for history, top in zip(histories, tops, strict=True):
        trials = tuple(history.trials)
        ended = sum(trial.state.is_final for trial in trials)
        best = "none" if not top else ", ".join(
            f"{name} {shown(value, 6)}" for name, value in (top[0].values or {}).items()
        )  # fmt: skip
        backends = listed(dict.fromkeys(session.backend for session in history.sessions))
        rows.append([history.name, backends, f"{ended:,}", best, format_duration(history.seconds)])
    return _table(["study", "backends", "trials ended", "best", "work"], rows)


def _origin(history: StudyHistory) -> str:
    """Return what the study was made with, and how to make it again."""
    rows = [
        [_moment(each.started), each.backend, each.library,
         ", ".join(f"{k}={shown(v)}" for k, v in each.options.items()), each.runner]
        for each in history.sessions[-20:]
    ]  # fmt: skip
    sessions = _table(["session", "backend", "library", "options", "runner"], rows) if rows else ""
    trials = sum(1 for _ in history.trials)
    if history.study_file is not None:
        command = (
            f"hpo-bridge run study.yaml --seed {history.seed} --trials {trials} "
            "--store sqlite:///again.db"
        )
        source = f"<p>The study file, study.yaml:</p><pre>{escape(history.study_file)}</pre>"
    else:
        command = (
            f"study = hpo_bridge.load_study({history.name!r}, store={history.store!r})"
            f"  # seed {history.seed}"
        )
        if history.store.startswith("memory:"):
            command = f"# It was in memory alone, with seed {history.seed}."
        declared = json.dumps(history.definition, indent=1, ensure_ascii=False, default=str)
        source = f"<details><summary>space</summary><pre>{escape(declared)}</pre></details>"
    return f"{sessions}<pre>{escape(command)}</pre>{source}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
