"""The dashboard in a real browser: its pages, a study that runs, refusals, and hostile texts."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hpo_bridge_views.dashboard import listen
from hpo_bridge_views.dashboard_app import DashboardApp

import hpo_bridge as hpo
from hpo_bridge.store import Store, open_store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")
PATIENCE = 120.0
"""Seconds: a browser without a graphics card, on a machine that does other things."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or CHROMEDRIVER is None,
        reason="no chromium with chromedriver on PATH: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests: it takes seconds to start."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in (
        "headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1300,1000",
        "disable-background-networking", "disable-component-update", "no-first-run",
    ):  # fmt: skip
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=CHROMEDRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@contextmanager
def served(store: Store) -> Iterator[str]:
    """Serve the dashboard of a store; yields its address."""
    with listen("127.0.0.1", 0) as server:
        server.set_app(DashboardApp(store, local=True))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def wait(what: Callable[[], Any], said: Callable[[], Any] = str) -> Any:
    """Return the first result that is true."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, said()
        time.sleep(0.1)
    return found


def text_of(browser: Any) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def wait_for_text(browser: Any, *texts: str) -> None:
    wait(lambda: all(each in text_of(browser) for each in texts), lambda: text_of(browser))


def messages(browser: Any) -> list[str]:
    """Return the errors of the console since the last call."""
    return [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]


def requests(browser: Any) -> set[str]:
    """Return the hosts that the page asked since the last call."""
    found = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("data:", "blob:", "chrome:")):
                found.add(url.split("/")[2])
    return found


def pictures(browser: Any) -> int:
    return int(browser.execute_script("return document.querySelectorAll('.main-svg').length"))


def click(browser: Any, script: str) -> None:
    """Click the element that a script finds, once it is there."""
    wait(lambda: browser.execute_script(f"const e = {script}; if (e) e.click(); return !!e"))


@pytest.fixture
def store(tmp_path: Any, browser: Any) -> Iterator[Store]:
    browser.get("about:blank")
    messages(browser), requests(browser)  # of earlier tests
    store = open_store(f"sqlite:///{tmp_path / 's.db'}")
    yield store
    store.close()


PAGES = {
    "list": ("/", ("demo",)),
    "history": ("/studies/0", ("History", "Hyperparameter Importance", "core.random")),
    "analytics": ("/studies/0/analytics", ("Slice", "Contour", "Rank", "EDF")),
    "trials": ("/studies/0/trials", ("Trial 0", "backend")),
    "selection": ("/studies/0/smartSelection", ()),
    "note": ("/studies/0/note", ("Note",)),
    "comparison": ("/compare-studies?ids=0%2C1", ("demo",)),
}


def demo(store: Store, name: str = "demo") -> None:
    space = {
        "lr": hpo.Float(1e-5, 1.0, log=True),
        "kind": hpo.Categorical(["adam", "sgd"]),
        "momentum": hpo.Float(0, 1, when={"kind": "sgd"}),
    }

    def objective(trial: hpo.Trial) -> float:
        if trial.number == 3:
            raise ValueError("no luck")
        for step in range(4):
            trial.report(trial["lr"] / (step + 1), step=step)
        return float(trial["lr"])

    with hpo.Study(space, store=store, name=name, seed=0) as study:
        study.optimize(objective, trials=20)


def test_every_page_opens_without_an_error_and_runs_no_text_of_a_study(
    browser, store, hostile, tmp_path
):
    hostile(store)
    demo(store)
    with served(store) as url:
        for name, (path, texts) in PAGES.items():
            browser.get(f"{url}/dashboard{path}")
            wait_for_text(browser, "window.pwned", *texts)
            if name in ("history", "analytics"):
                wait(lambda: pictures(browser) >= 3)
            picture = tmp_path / f"{name}.png"
            browser.save_screenshot(str(picture))
            assert picture.stat().st_size > 5000
            assert browser.execute_script("return window.pwned") is None, name
            assert browser.execute_script("return document.querySelector('img[onerror]')") is None
            assert messages(browser) == [], name
        assert requests(browser) == {url.removeprefix("http://")}


def test_a_running_study_grows_on_the_open_page(browser, store):
    with hpo.Study({"x": hpo.Float(0, 1)}, store=store, name="live", seed=0) as study:
        trial = study.ask()
        with served(store) as url:
            browser.get(f"{url}/dashboard/studies/0/trials")
            wait_for_text(browser, "Trial 0", "Running")
            study.tell(trial, 0.5)
            for _ in range(4):
                study.tell(study.ask(), 0.25)
            wait_for_text(browser, "Trial 4", "Complete")
            assert "Running" not in text_of(browser)
            browser.get(f"{url}/dashboard/")
            wait_for_text(browser, "live")
            demo(store, "born later")
            click(
                browser,
                "[...document.querySelectorAll('button')].find(e => /reload/i.test(e.innerText))",
            )
            wait_for_text(browser, "born later")
        assert messages(browser) == []


def test_writing_is_refused_and_the_page_says_why(browser, store):
    demo(store)
    with served(store) as url:
        browser.get(f"{url}/dashboard/")
        wait_for_text(browser, "demo")
        click(browser, "document.querySelector('[aria-label*=elete i]')")
        button = "document.querySelector('[role=dialog]')"
        click(browser, f"{button} && [...{button}.querySelectorAll('button')].find("
                       "e => /yes/i.test(e.innerText))")  # fmt: skip
        wait_for_text(browser, "this dashboard is read-only")
        assert store.names() == ["demo"]
        browser.get(f"{url}/dashboard/studies/0/note")
        status, reason = browser.execute_async_script(
            "const done = arguments[0]; fetch('/api/studies/0/note', {method: 'PUT', body: '{}'})"
            ".then(async r => done([r.status, (await r.json()).reason]))"
        )
        assert status == 405
        wait_for_text(browser, reason)
    messages(browser)  # a refusal is an error there


def test_a_store_that_goes_away_is_said_on_the_open_page(browser, tmp_path):
    path = tmp_path / "gone.db"
    store = open_store(f"sqlite:///{path}")
    with hpo.Study({"x": hpo.Float(0, 1)}, store=store, seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=3)
    with served(store) as url:
        browser.get(f"{url}/dashboard/studies/0/trials")
        wait_for_text(browser, "Trial 2")
        path.rename(tmp_path / "elsewhere.db")
        wait_for_text(browser, f"{path}", "cannot be opened")
        assert "Trial 2" in text_of(browser)
        (tmp_path / "elsewhere.db").rename(path)
        wait(lambda: "cannot be opened" not in text_of(browser))
    wait_for_text(browser, "The dashboard does not answer")
    store.close()
    messages(browser)


def test_a_long_study_says_what_is_not_drawn(browser, store):
    with hpo.Study({"x": hpo.Float(0, 1), "y": hpo.Float(0, 1)}, store=store, seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=1500)
        with served(store) as url:
            for path in ("", "/trials"):
                browser.get(f"{url}/dashboard/studies/0{path}")
                wait_for_text(browser, "of 1,500 trials are drawn")
            assert messages(browser) == []


def test_a_report_shows_its_pictures_runs_nothing_and_asks_for_nothing(
    browser: Any, store: Store, hostile: Callable[[str], None], tmp_path: Any
) -> None:
    hostile(store.url)
    with hpo.load_study(store=store) as study:
        study.report().save(tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    images = browser.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert len(images) >= 4
    assert all(images)
    assert browser.execute_script("return window.pwned") is None
    assert "<script>" in text_of(browser)
    assert requests(browser) <= {""}  # the file itself
    assert messages(browser) == []
    assert browser.save_screenshot(str(tmp_path / "report.png"))
