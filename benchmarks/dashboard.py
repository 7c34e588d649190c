"""The dashboard over long studies, beside Optuna's own page over the same trials.

Times of the page itself are taken where chromium and chromedriver are found on PATH. On a busy
machine look at the CPU time, of the server and of all processes of the browser, which is an upper
bound of what a page takes on an idle one.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager

import psutil
from figures import show

import hpo_bridge as hpo

PARAMETERS = 12
SPACE = hpo.Space({f"x{n}": hpo.Float(0.0, 1.0) for n in range(PARAMETERS)})
AIMS = {1_000: (3.0, 1.0), 10_000: (5.0, 1.0)}
"""Trials to the seconds of a first page and of an update."""
ROUNDS, TRIALS = 5, 150

STOCK = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
import optuna_dashboard
from hpo_bridge.store import open_store
from hpo_bridge_optuna import ReadOnlyStorage

class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments): pass

app = optuna_dashboard.wsgi(ReadOnlyStorage(open_store(sys.argv[1])))
server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
print(f"http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
"""
DRIVER = """
import sys, time
import hpo_bridge as hpo

def work(trial):
    time.sleep(0.02)
    return trial["x0"]

space = {f"x{n}": hpo.Float(0.0, 1.0) for n in range(12)}
with hpo.Study(space, seed=0, store=sys.argv[1], name=sys.argv[2]) as study:
    study.optimize(work, trials=20)
    begin, used = time.perf_counter(), time.process_time()
    study.optimize(work, trials=20 + int(sys.argv[3]))
    print(time.perf_counter() - begin, time.process_time() - used)
"""
DRAWN = """
const plots = [...document.querySelectorAll('.js-plotly-plot')];
const points = p => Math.max(0, ...(p.data || []).map(t => (t.x || []).length));
return plots.filter(p => points(p) > 1).length;
"""
WATCH = """
const plot = () => document.querySelector('.js-plotly-plot');
const last = () => JSON.stringify((plot().data || []).map(t => (t.x || []).at(-1)));
const before = last(), ask = window.fetch;
let begin = null;
window.fetch = (...words) => { begin = begin ?? performance.now(); return ask(...words); };
const timer = setInterval(() => {
  if (last() !== before) {
    clearInterval(timer);
    requestAnimationFrame(() => { window.updated = performance.now() - begin; });
  }
}, 10);
"""


def sphere(trial):
    return sum((n + 1) * trial[f"x{n}"] ** 2 for n in range(PARAMETERS))


@contextmanager
def served(*words):
    """Yields the address that a program prints."""
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process.stdout.readline().split()[0].rstrip("/"), process.pid
    finally:
        process.kill()
        process.communicate()


def ours(url):
    return served("-m", "hpo_bridge", "dashboard", "--store", url, "--port", "0")


def asked(address, path):
    """Return the seconds that an answer takes, and the answer."""
    begin = time.perf_counter()
    with urllib.request.urlopen(address + path) as answer:
        text = answer.read()
    return time.perf_counter() - begin, text


def used(*pids):
    """Return the seconds of CPU time of processes and of all that they started."""
    roots = [psutil.Process(pid) for pid in pids]
    tree = [each for root in roots for each in (root, *root.children(recursive=True))]
    return sum(sum(each.cpu_times()[:2]) for each in tree)


def add_trials(url, more):
    with hpo.Study(SPACE, seed=0, store=url, name="long") as study:
        study.optimize(sphere, trials=sum(study.counts.values()) + more)


def answers(address, pid, url):
    """Return the CPU seconds of the first answers and of an update, and the size of the first."""
    begin = used(pid)
    _, text = asked(address, "/api/studies/0?after=0")
    asked(address, "/api/studies/0/param_importances")
    first = used(pid) - begin
    drawn = len(json.loads(text)["trials"])
    add_trials(url, 3)
    time.sleep(11)  # for so long Optuna's page keeps an answer
    begin = used(pid)
    asked(address, f"/api/studies/0?after={drawn}")
    asked(address, "/api/studies/0/param_importances")
    return first, used(pid) - begin, len(text) / 1e6


def browser():
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1300,1000"):
        options.add_argument(f"--{word}")
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def until(what, limit=300.0):
    end = time.perf_counter() + limit
    while not (found := what()):
        if time.perf_counter() > end:
            return None
        time.sleep(0.02)
    return found


def page(driver, address, pid, url):
    """Return the seconds and the CPU seconds until the first page has its pictures, and the
    seconds until an open page shows a new trial from when it asks."""
    driver.get(f"{address}/dashboard/")  # the page's script is there
    until(lambda: "long" in driver.execute_script("return document.body.innerText"))
    pids = pid, driver.service.process.pid
    begin, before = time.perf_counter(), used(*pids)
    driver.get(f"{address}/dashboard/studies/0")
    until(lambda: driver.execute_script(DRAWN) >= 3)
    first = time.perf_counter() - begin, used(*pids) - before
    driver.execute_script(WATCH)
    add_trials(url, 50)
    update = until(lambda: driver.execute_script("return window.updated"), 60.0)
    return *first, (update or float("nan")) / 1e3


def driven(url, address=None):
    """Return the seconds and the CPU seconds of a driver, beside a page where there is one."""
    command = [sys.executable, "-c", DRIVER, url, "driven", str(TRIALS)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    drawn = 0
    while address is not None and driver.poll() is None:
        _, text = asked(address, f"/api/studies/0?after={drawn}")
        asked(address, "/api/studies/0/param_importances")
        drawn += len(json.loads(text)["trials"])
        drawn -= 1 if drawn else 0  # the one that ran
        until(lambda: driver.poll() is not None, 2.0)
    return [float(each) for each in driver.communicate()[0].split()]


def slowed():
    """Return by how much a driver is slower beside a page that asks every two seconds."""
    ratios, cpu = [], []
    with tempfile.TemporaryDirectory() as place:
        for number in range(ROUNDS):
            found = {}
            for beside in (False, True) if number % 2 else (True, False):
                url = f"sqlite:///{place}/{number}-{beside}.db"
                hpo.Study(SPACE, seed=0, store=url, name="driven").close()
                if beside:
                    with ours(url) as (address, _):
                        asked(address, "/api/studies/0?after=0")
                        found[beside] = driven(url, address)
                else:
                    found[beside] = driven(url)
            ratios.append(found[True][0] / found[False][0])
            cpu.append(found[True][1] / found[False][1])
    return statistics.median(ratios) - 1, statistics.median(cpu) - 1


def measured(trials, driver, folder):
    first_aim, update_aim = AIMS[trials]
    url = f"sqlite:///{folder}/{trials}.db"
    add_trials(url, trials)
    held = []
    for name, serving in (("ours", ours), ("Optuna's", lambda url: served("-c", STOCK, url))):
        mine, what = name == "ours", f"{trials:,} trials, {name}"
        with serving(url) as (address, pid):
            first, update, size = answers(address, pid, url)
        show(f"{what}: size of the first answer", size, "MB", "", True)
        show(f"{what}: first answers, CPU time of the server", first, "s", "", True)
        show(f"{what}: an update, CPU time of the server", update, "s", "", True)
        if driver is None:
            continue
        with serving(url) as (address, pid):
            shown, cpu, renewed = page(driver, address, pid, url)
        reach = [f"at most {aim:g}" if mine else "" for aim in (first_aim, update_aim)]
        show(f"{what}: first page, CPU time of server and browser", cpu, "s", "", True)
        held.append(show(f"{what}: first page with its pictures", shown, "s", reach[0],
                         not mine or shown <= first_aim))  # fmt: skip
        held.append(show(f"{what}: an update of the page", renewed, "s", reach[1],
                         not mine or renewed <= update_aim))  # fmt: skip
    return held


def main() -> bool:
    found = shutil.which("chromium") and shutil.which("chromedriver")
    driver = browser() if found else None
    if driver is None:
        print("no chromium with chromedriver on PATH: without the times of the page")
    held = []
    with tempfile.TemporaryDirectory() as folder:
        for trials in AIMS:
            held += measured(trials, driver, folder)
    if driver is not None:
        driver.quit()
    wall, cpu = slowed()
    show("a driver beside a page that asks every 2 s: more CPU time", 100 * cpu, "%", "", True)
    held.append(show("a driver beside such a page: more time in all", 100 * wall, "%",
                     "at most 2", wall <= 0.02))  # fmt: skip
    return all(held)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
