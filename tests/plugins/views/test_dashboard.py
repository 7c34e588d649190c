"""The dashboard as its page asks it: answers, refusals, what goes wrong, and long studies."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import optuna_dashboard
import pytest
from hpo_bridge_views.dashboard import listen
from hpo_bridge_views.dashboard_app import DashboardApp

import hpo_bridge as hpo
from hpo_bridge.errors import HpoBridgeError, UnknownName
from hpo_bridge.store import MemoryStore, open_store

SPACE = {
    "x": hpo.Float(0, 1),
    "lr": hpo.Float(1e-5, 1.0, log=True),
    "kind": hpo.Categorical(["a", "b", None]),
    "n": hpo.Int(1, 5, when={"kind": "a"}),
    "fixed": 3,
}


@pytest.fixture
def store(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 's.db'}")
    yield store
    store.close()


def filled(store, trials=20, name="study", space=SPACE, objective=None, **options):
    def loss(trial):
        if trial.number == 3:
            raise ValueError("no luck")
        for step in range(3):
            trial.report(float("inf") if trial.number == 4 else trial["x"] + step, step=step)
        return trial["x"]

    with hpo.Study(space, store=store, name=name, seed=0, **options) as study:
        study.optimize(objective or loss, trials=trials)


STOCK_HAS = ("user_attrs", "union_user_attrs", "objective_names")


def test_the_page_is_told_what_optunas_dashboard_tells_it(store, asking):
    filled(store, backend="optuna.tpe")
    app = DashboardApp(store, local=True)
    stock = optuna_dashboard.wsgi(app.storage)
    ours = asking(app, "/api/studies/0?after=0").data
    theirs = asking(stock, "/api/studies/0?after=0").data
    for detail in (ours, theirs):  # shown with our names, in our order
        for trial in detail["trials"] + detail["best_trials"]:
            trial.pop("user_attrs")
        for space in (detail["union_search_space"], detail["intersection_search_space"]):
            for each in space:  # Optuna's are a set
                each["distribution"].get("choices", []).sort(key=str)
    assert set(theirs) == set(ours)
    for key in set(theirs) - set(STOCK_HAS):
        assert ours[key] == theirs[key], key
    for path in ("/api/studies", "/api/studies/0/param_importances"):
        ours, theirs = (asking(each, path).data for each in (app, stock))
        for row in (*ours.get("study_summaries", ()), *theirs.get("study_summaries", ())):
            row.pop("user_attrs")
        assert ours == theirs


def test_who_proposed_and_why_it_failed_are_attributes(store, asking):
    filled(store, backend="hyperopt.tpe")
    found = asking(DashboardApp(store, local=True), "/api/studies/0?after=0").data
    attributes = {each["key"]: each["value"] for each in found["trials"][3]["user_attrs"]}
    assert attributes["backend"] == "hyperopt.tpe"
    assert "no luck" in attributes["error"]
    about = {each["key"]: each["value"] for each in found["user_attrs"]}
    assert about["constants"] == '{"fixed": 3}'
    assert about["driver"].startswith("none")
    assert "not all is drawn" not in about


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 's.db'}"


def test_a_page_follows_a_running_study(url, page):
    with hpo.Study({"x": hpo.Float(0, 1)}, store=url, seed=0, backend="deap.ga") as study:
        store = open_store(url)
        shown = page(DashboardApp(store, local=True))
        shown.update()
        assert shown.trials == []
        asked = [study.ask() for _ in range(3)]
        asked[1].report(0.5, step=2)
        shown.update()
        assert [t["state"] for t in shown.trials] == ["Running"] * 3
        assert shown.trials[1]["intermediate_values"] == [{"step": 2, "value": 0.5}]
        study.tell(asked[2], 0.25)
        study.tell(asked[0], 0.75)
        about = {each["key"]: each["value"] for each in shown.update()["user_attrs"]}
        assert "pid" in about["driver"]
        assert [t["state"] for t in shown.trials] == ["Complete", "Running", "Complete"]
        study.tell(asked[1], 0.125)
        best = shown.update()["best_trials"]
        assert [t["state"] for t in shown.trials] == ["Complete"] * 3
        assert [t["number"] for t in best] == [1]
        store.close()


def test_a_store_that_grows_a_study(store, asking):
    filled(store, trials=2, name="first")
    app = DashboardApp(store, local=True)
    names = lambda: [s["study_name"] for s in asking(app, "/api/studies").data["study_summaries"]]  # noqa: E731
    assert names() == ["first"]
    filled(store, trials=2, name="a later one")
    assert names() == ["first", "a later one"]
    assert asking(app, "/api/studies/1?after=0").data["name"] == "a later one"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/studies"), ("DELETE", "/api/studies/0"), ("POST", "/api/studies/0/rename"),
        ("PUT", "/api/studies/0/note"), ("POST", "/api/trials/0/tell"),
        ("POST", "/api/trials/0/user-attrs"), ("PUT", "/api/studies/0/0/note"),
        ("POST", "/api/artifacts/0/0"), ("PATCH", "/api/studies/0"), ("OPTIONS", "/api/studies"),
        ("POST", "/incompatible-rdb-schema"), ("POST", "/api/llm/trial_filter_query"),
    ],
)  # fmt: skip
def test_writing_is_refused_with_a_reason(store, asking, method, path):
    filled(store, trials=2)
    answer = asking(DashboardApp(store, local=True), path, method)
    assert answer.status == 405
    assert "read-only" in answer.data["reason"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200), ("localhost", 200),
        ("evil.example", 403), ("localhost.evil.example:8080", 403), ("192.168.0.7:8080", 403),
        ("", 403),
    ],
)  # fmt: skip
def test_a_page_of_another_site_cannot_read_by_a_name_that_leads_here(store, asking, host, status):
    app = DashboardApp(store, local=True)
    assert asking(app, "/api/studies", host=host).status == status
    assert asking(DashboardApp(store, local=False), "/api/studies", host=host).status == 200


@pytest.mark.parametrize("path", ["/", "/dashboard", "/static/bundle.js", "/api/studies", "/x"])
def test_nothing_may_come_from_another_host(store, asking, path):
    policy = asking(DashboardApp(store, local=True), path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert not re.search(r"https?:|\*", policy)


@pytest.mark.parametrize(
    "path",
    ["/api/studies/7?after=0", "/api/studies/7/param_importances", "/csv/7", "/api/nonsense",
     "/api/studies/0/plot/contour"],
)  # fmt: skip
def test_what_is_not_there(store, asking, path):
    filled(store, trials=2)
    answer = asking(DashboardApp(store, local=True), path)
    assert answer.status == 404
    assert answer.data["reason"]


def test_a_store_that_goes_away_is_one_line(tmp_path, asking, caplog, capfd):
    path = tmp_path / "s.db"
    filled(f"sqlite:///{path}", trials=2)
    store = open_store(f"sqlite:///{path}", create=False)
    app = DashboardApp(store, local=True)
    assert asking(app, "/api/studies/0?after=0").status == 200
    path.rename(tmp_path / "elsewhere.db")
    for asked in ("/api/studies", "/api/studies/0?after=2", "/api/studies/0/param_importances",
                  "/csv/0"):  # fmt: skip
        answer = asking(app, asked)
        assert answer.status == 503
        assert str(path) in answer.data["reason"]
        assert "\n" not in answer.data["reason"]
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")
    (tmp_path / "elsewhere.db").rename(path)
    assert asking(app, "/api/studies/0?after=0").status == 200
    store.close()


def test_a_study_that_another_version_wrote_does_not_hide_the_others(asking):
    store = MemoryStore()
    filled(store, trials=2, name="ours")
    for name, space in (("newer", {"x": {"type": "quantum"}}), ("other", None)):
        store.create(name, {"space": space, "constraints": [], "seed": 0,
                            "directions": {"value": "minimize"}})  # fmt: skip
    store.create("empty", {})
    app = DashboardApp(store, local=True)
    listed = asking(app, "/api/studies").data["study_summaries"]
    assert [each["study_name"] for each in listed] == ["ours", "newer", "other", "empty"]
    assert asking(app, "/api/studies/0?after=0").status == 200
    for number in (1, 2, 3):
        answer = asking(app, f"/api/studies/{number}?after=0")
        assert answer.status == 503
        assert repr(listed[number]["study_name"]) in answer.data["reason"] or number == 1


def test_a_study_that_begins_anew_in_its_file_tells_the_page_to_reload(tmp_path, page, asking):
    path = tmp_path / "s.db"
    filled(f"sqlite:///{path}", trials=5)
    store = open_store(f"sqlite:///{path}", create=False)
    shown = page(DashboardApp(store, local=True))
    shown.update()
    for each in tmp_path.glob("s.db*"):
        each.rename(tmp_path / f"old-{each.name}")
    filled(f"sqlite:///{path}", trials=8)
    answer = asking(shown.app, f"/api/studies/0?after=5&sample={shown.sample}")
    assert answer.status == 409
    assert "reload" in answer.data["reason"]
    assert len(asking(shown.app, "/api/studies/0?after=0").data["trials"]) == 8
    store.close()


ODD = {
    "no trials": dict(trials=0),
    "one trial": dict(trials=1),
    "one parameter": dict(space={"x": hpo.Float(0, 1)}),
    "nothing that varies": dict(space={"x": hpo.Float(5, 5), "y": "z"}, objective=lambda t: 1.0),
    "huge values": dict(objective=lambda t: (-1) ** t.number * 1e300),
    "all equal": dict(objective=lambda t: 0.0, trials=50),
    "200 parameters": dict(
        space={f"p{n}": hpo.Float(0, 1) for n in range(200)}, objective=lambda t: t["p7"]
    ),
    "very many choices": dict(
        space={"k": hpo.Categorical(list(range(5000)))}, objective=lambda t: t["k"], trials=300
    ),
    "a vector": dict(space={"w": hpo.Float(0, 1, shape=[20])}, objective=lambda t: t["w"][0]),
    "two objectives": dict(
        directions={"a": "minimize", "b": "maximize"},
        objective=lambda t: {"a": t["x"], "b": t["lr"]},
    ),
    "a name with a line break": dict(name='a\n"b"; c', trials=3),
}


def fails(trial):
    raise ValueError("no luck " * 10_000)


def prunes(trial):
    trial.report(1.0, step=0)
    raise hpo.TrialPruned


def reports_much(trial):
    for step in range(3000):
        trial.report(float("nan") if step % 2 else 1e300, step=step)
    return 1.0


ODD |= {
    "all failed": dict(objective=fails, stop={"first_failures": 0}),
    "all pruned": dict(objective=prunes),
    "long curves": dict(objective=reports_much, trials=5),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ODD)
def test_odd_studies(store, asking, case):
    options = {"trials": 12, "objective": lambda t: t["x"], **ODD[case]}
    space = {"space": options.pop("space", SPACE), "name": options.pop("name", "study")}
    objective, trials, stop = (
        options.pop("objective"),
        options.pop("trials"),
        options.pop("stop", None),
    )
    with hpo.Study(space["space"], store=store, name=space["name"], seed=0, **options) as study:
        if trials:
            study.optimize(objective, trials=trials, **({"stop": stop} if stop else {}))
        expected = len(study.trials)
    app = DashboardApp(store, local=True)
    answer = asking(app, "/api/studies/0?after=0")
    assert answer.status == 200, answer.body
    assert len(answer.body) < 10_000_000
    if case != "very many choices":
        assert len(answer.data["trials"]) == expected
    assert asking(app, "/api/studies/0/param_importances").status == 200
    table = asking(app, "/csv/0")
    assert table.status == 200
    assert "\n" not in table.headers["Content-Disposition"]


def test_a_long_study_is_thinned_out_and_the_page_says_so(store, page, asking):
    space = {f"x{n}": hpo.Float(0, 1) for n in range(4)}
    filled(store, trials=2500, space=space, objective=lambda t: t["x0"])
    shown = page(DashboardApp(store, local=True))
    about = {each["key"]: each["value"] for each in shown.update()["user_attrs"]}
    assert 500 < len(shown.trials) < 1100
    assert f"{len(shown.trials):,} of 2,500 trials are drawn" in about["not all is drawn"]
    best = min(store.trials("study"), key=lambda t: t.values["value"])
    assert best.number in [t["number"] for t in shown.trials]
    rows = asking(shown.app, "/csv/0").body.decode().splitlines()
    assert len(rows) == 2501
    filled(store, trials=2600, space=space, objective=lambda t: t["x0"])
    before = len(shown.trials)
    shown.update()
    assert len(shown.trials) > before
    numbers = [t["number"] for t in shown.trials]
    assert numbers == sorted(set(numbers))


def test_an_update_of_a_page_reads_nothing_where_nothing_has_changed(store, asking, monkeypatch):
    filled(store, trials=30)
    app = DashboardApp(store, local=True)
    asking(app, "/api/studies/0?after=0")
    for name in ("trials", "trial", "events"):
        monkeypatch.setattr(store, name, None)
    assert asking(app, "/api/studies/0?after=30").data["trials"] == []


# -- the command -------------------------------------------------------------------------


@pytest.fixture
def started(tmp_path):
    """Starts the command, and ends it."""
    running = []

    def start(*words):
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo_bridge", "dashboard", *words], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_the_command_serves_until_ctrl_c(tmp_path, started):
    filled(f"sqlite:///{tmp_path / 's.db'}", trials=3, name="demo")
    process = started("--store", "sqlite:///s.db", "--study", "demo", "--port", "0")
    url = process.stdout.readline().split()[0]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/dashboard/studies/0", url)
    base = url.partition("/dashboard")[0]
    with urllib.request.urlopen(f"{base}/api/studies/0?after=0") as answer:
        assert len(json.load(answer)["trials"]) == 3
    request = urllib.request.Request(f"{base}/api/studies/0", method="DELETE")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert "read-only" in json.load(refused.value)["reason"]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == ""


def test_the_command_by_a_study_file(tmp_path, started):
    (tmp_path / "study.yaml").write_text(
        "study: demo\nobjective: f.py:f\nspace: {x: {type: float, low: 0, high: 1}}\n"
        "backend: core.random\nbudget: {trials: 3}\nstore: sqlite:///s.db\n"
    )
    filled(f"sqlite:///{tmp_path / 's.db'}", trials=1, name="another")
    filled(f"sqlite:///{tmp_path / 's.db'}", 3, "demo", {"x": hpo.Float(0, 1)}, lambda t: t["x"])
    process = started("study.yaml", "--port", "0")
    assert process.stdout.readline().split()[0].endswith("/dashboard/studies/1")


def test_a_port_in_use(tmp_path, started):
    filled(f"sqlite:///{tmp_path / 's.db'}", trials=1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started("--store", "sqlite:///s.db", "--port", str(port))
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    found = re.fullmatch(
        rf"hpo-bridge: port: {port} is in use by another program; take --port (\d+)\n", err
    )
    listen("127.0.0.1", int(found[1])).server_close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--store", "sqlite:///no.db"), "no store at sqlite:///no.db"),
        (("--store", "sqlite:///s.db", "--study", "nope"), "no study 'nope'"),
        (("--store", "sqlite:///s.db", "--port", "99999"), "port: found 99999"),
        (("--store", "sqlite:///s.db", "--host", "203.0.113.7"), "host: 203.0.113.7"),
        ((), "--store"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, command_server, words, said):
    filled(f"sqlite:///{tmp_path / 's.db'}", trials=1)
    ended = command_server("dashboard", *words, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_it_is_no_picture():
    with hpo.Study({"x": hpo.Float(0, 1)}, seed=0) as study:
        with pytest.raises(UnknownName, match="hpo-bridge dashboard"):
            study.plot("dashboard")
        with pytest.raises(HpoBridgeError):
            study.plot("dashboard", port=1)
