"""The dashboard's web application: Optuna's page over a store, read-only.

Optuna's application has the page and its scripts. What the page asks for is answered here: it
would walk all trials at each update, and an exception of the store would reach the page as
"internal server error". Methods that write are refused here as well.
"""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Callable, Iterable
from importlib.resources import files
from ipaddress import ip_address
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, quote

import optuna_dashboard
from hpo_bridge_optuna.read_only_storage import ReadOnlyStorage
from hpo_bridge_optuna.study_reader import ReadableStore

from hpo_bridge.errors import HpoBridgeError

from .study_page import StalePage, StudyPage

READ_ONLY = (
    "this dashboard is read-only: a study is changed by the command hpo-bridge, or from Python"
)
SECURITY = {
    # Nothing from another host, no script but the page's own files; its pictures need eval.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
META = {
    "artifact_is_available": False,
    "llm_is_available": False,
    "plotlypy_is_available": False,  # pictures drawn by Python have no bound
    "allow_unsafe": False,
}
SCRIPT = "/static/hpo_bridge_page.js"
BUNDLE = '<script defer src="/static/bundle.js">'

Environment = dict[str, Any]
StartResponse = Callable[..., Any]


class Refusal(Exception):
    """An answer that is an error.

    Args:
        status: The status line.
        reason: What the page shows.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class DashboardApp:
    """The WSGI application.

    Args:
        store: The store, open.
        local: Whether to answer only those who ask for this machine by a name of its own: a page
            of another site, whose name leads here, could read the study otherwise.
    """

    def __init__(self, store: ReadableStore, *, local: bool) -> None:
        self.storage, self._store, self._local = ReadOnlyStorage(store), store, local
        self._session, self._pages, self._lock = (
            secrets.token_hex(4),
            dict[int, StudyPage](),
            Lock(),
        )
        self._optuna: Any = optuna_dashboard.wsgi(self.storage)
        self._optuna.catchall = False

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; an exception is one line for the page."""

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [pair for pair in headers if pair[0] not in SECURITY]
            return start_response(status, [*kept, *SECURITY.items()], *more)

        try:
            try:
                return self._answer(environ, start)
            except StalePage:
                reason = "the study or the dashboard has begun anew: reload the page"
                raise Refusal("409 Conflict", reason) from None
            except HpoBridgeError as error:
                raise Refusal("503 Service Unavailable", str(error)) from error
            except Refusal:
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise Refusal("500 Internal Server Error", reason) from error
        except Refusal as refusal:
            data = json.dumps({"reason": refusal.reason})
            return _send(start, data, "application/json", refusal.status)

    def _answer(self, environ: Environment, start: StartResponse) -> Iterable[bytes]:
        if self._local and not _is_local(environ.get("HTTP_HOST", "")):
            raise Refusal("403 Forbidden", "this dashboard answers to localhost alone")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", READ_ONLY)
        path = environ["PATH_INFO"].rstrip("/")
        query = {name: found[-1] for name, found in parse_qs(environ["QUERY_STRING"]).items()}
        if path.startswith("/dashboard"):
            return _send(start, _index(), "text/html; charset=utf-8")
        if path == SCRIPT:
            script = files(__package__).joinpath("dashboard_page.js").read_text("utf-8")
            return _send(start, script, "text/javascript; charset=utf-8")
        if path == "/api/meta":
            return _send_json(start, META)
        if path == "/api/studies":
            return _send_json(start, {"study_summaries": self._list()})
        if found := re.fullmatch(r"/api/studies/(\d+)", path):
            return self._study(int(found[1]), query, start)
        if found := re.fullmatch(r"/api/studies/(\d+)/param_importances", path):
            shares = self._page(int(found[1])).importances()
            return _send_json(start, {"param_importances": shares})
        if found := re.fullmatch(r"/csv/(\d+)", path):
            return self._table(int(found[1]), query.get("trial_ids", ""), start)
        if path.startswith("/api/"):
            raise Refusal("404 Not Found", f"{path}: no such answer of this dashboard")
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # which it takes for granted
        answer: Iterable[bytes] = self._optuna(environ, start)
        return answer

    def _page(self, study_id: int) -> StudyPage:
        try:
            study = self.storage.reader_of(study_id)
        except KeyError:
            raise Refusal("404 Not Found", f"no study {study_id} in {self._store.url}") from None
        with self._lock:
            if study_id not in self._pages:
                self._pages[study_id] = StudyPage(study, self._session, self._store.url)
            return self._pages[study_id]

    def _list(self) -> list[dict[str, Any]]:
        found = []
        for study in self.storage.studies():
            row: dict[str, Any] = {"study_id": study.study_id, "study_name": study.name}
            try:
                row |= {"directions": list(study.objectives.values()), "user_attrs": []}
            except HpoBridgeError as error:
                row |= {"directions": [], "user_attrs": [{"key": "problem", "value": str(error)}]}
            found.append({**row, "is_preferential": False})
        return found

    def _study(
        self, study_id: int, query: dict[str, str], start: StartResponse
    ) -> Iterable[bytes]:
        after = query.get("after", "0")
        if not after.isdecimal():
            raise Refusal("400 Bad Request", "`after` should be larger or equal 0.")
        answer = self._page(study_id).answer(int(after), query.get("sample"))
        more = {"X-Sample": answer.sample, "X-Notice": quote(answer.notice)}
        return _send(start, answer.text, "application/json", **more)

    def _table(self, study_id: int, numbers: str, start: StartResponse) -> Iterable[bytes]:
        """Send the trials, or those of the given numbers, as CSV."""
        wanted = {int(each) for each in numbers.split(",") if each.strip().isdecimal()}
        rows = [r for r in self._page(study_id).rows() if not wanted or r["Number"] in wanted]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self.storage.reader_of(study_id).name)
        more = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return _send(start, text.getvalue(), "text/csv; charset=utf-8", **more)


def _is_local(host: str) -> bool:
    """Return whether a request's header names this machine by a name that no server gives out."""
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return is_loopback(name)


def is_loopback(host: str) -> bool:
    """Return True for an address of this machine that no other can reach."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _index() -> str:
    """Return the page, with our own script before its own."""
    page = files(optuna_dashboard).joinpath("index.html").read_text("utf-8")
    return page.replace(BUNDLE, f'<script src="{SCRIPT}"></script>\n    {BUNDLE}', 1)


def _send_json(start: StartResponse, data: Any) -> Iterable[bytes]:
    return _send(start, json.dumps(data), "application/json")


def _send(
    start: StartResponse, text: str, kind: str, status: str = "200 OK", **headers: str
) -> Iterable[bytes]:
    data = text.encode("utf-8", "replace")
    more = [
        ("Content-Type", kind),
        ("Content-Length", str(len(data))),
        ("Cache-Control", "no-store"),
    ]
    start(status, [*more, *headers.items()])
    return [data]
