"""The kit's own behaviour: names, expected failures, the two front ends, what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from hpo_bridge.errors import InvalidOptions, UnknownName
from hpo_bridge.plugins import PluginManager
from hpo_bridge.testing import (
    CHECK_NAMES,
    BackendConformance,
    Check,
    Fault,
    NotApplicable,
    Refused,
    backend_checks,
    run_check,
)

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def command(command_server, tmp_path_factory):
    return partial(command_server, "check", cwd=tmp_path_factory.mktemp("check"))


def failing(error):
    def run():
        raise error

    return Check("finite", run)


# -- checks and results --------------------------------------------------------------------


def test_every_backend_has_the_same_checks(plugins):
    for name in ("core.random", "core.grid", "fake.sound"):
        assert tuple(c.name for c in backend_checks(name, plugins=plugins)) == CHECK_NAMES


def test_names_are_unique():
    assert len(set(CHECK_NAMES)) == len(CHECK_NAMES) > 50


@pytest.mark.parametrize(
    ("error", "result", "detail"),
    [
        (Fault("it is broken"), "failed", "it is broken"),
        (ZeroDivisionError("oops"), "failed", "raised ZeroDivisionError: oops"),
        (NotApplicable("it has none"), "not applicable", "it has none"),
        (Refused("parameter 'x': no"), "refused", "parameter 'x': no"),
    ],
)
def test_what_becomes_of_a_check(error, result, detail):
    found = run_check(failing(error))
    assert (found.result, found.detail) == (result, detail)
    assert found.good == (result != "failed")


def test_an_interrupt_is_no_result():
    with pytest.raises(KeyboardInterrupt):
        run_check(failing(KeyboardInterrupt()))


def test_an_expected_failure_is_good_and_says_why():
    found = run_check(failing(Fault("as ever")), "the library cannot")
    assert (found.result, found.detail, found.good) == (
        "expected", "the library cannot (as ever)", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "check",
    [Check("finite", lambda: "fine"), failing(NotApplicable("no")), failing(Refused("no"))],
)
def test_what_is_expected_to_fail_and_does_not_is_a_failure(check):
    found = run_check(check, "the library cannot")
    assert found.result == "failed"
    assert "expected to fail (the library cannot)" in found.detail


def test_an_unknown_backend_is_an_error():
    with pytest.raises(UnknownName, match=r"did you mean 'core\.random'"):
        next(backend_checks("core.randm"))


def test_an_unknown_option_is_an_error():
    with pytest.raises(InvalidOptions, match="resolutoin: unknown option"):
        next(backend_checks("core.grid", {"resolutoin": 3}))


def test_a_wrong_value_of_an_option_is_an_error():
    with pytest.raises(InvalidOptions, match="at least 2"):
        next(backend_checks("core.grid", {"resolution": 1}))


def test_heavy_imports_of_the_hooks_are_caught():
    plugins = PluginManager()
    plugins.add("heavy_backend.py", HERE)
    checks = backend_checks("fake.heavy", plugins=plugins, startup=4, trials=4)
    results = {c.name: run_check(c) for c in checks}
    bad = {name: r.detail for name, r in results.items() if not r.good}
    assert set(bad) == {"spec[light]", "spec[declared]"}
    assert "imports numpy" in bad["spec[light]"]
    assert "summary must be one line" in bad["spec[declared]"]


# -- pytest ----------------------------------------------------------------------------------


def test_a_check_cannot_be_overridden():
    with pytest.raises(TypeError, match="overrides test_conformance"):
        type("T", (BackendConformance,), {"test_conformance": lambda self: None})


@pytest.mark.parametrize(
    ("expected", "words"),
    [({"finit": "why"}, "did you mean 'finite'"), ({"finite": " "}, "'finite' has no reason")],
)
def test_expected_failures_are_checked(expected, words):
    with pytest.raises(ValueError, match=words):
        type("T", (BackendConformance,), {"backend": "x", "expected_failures": expected})


def test_a_third_party_s_tests(tmp_path):
    """Four lines; a fault that is not announced fails, an announced one is an xfail."""
    (tmp_path / "conftest.py").write_text(
        textwrap.dedent(f"""
            from pathlib import Path
            from hpo_bridge.plugins import manager
            manager().add("faulty_backends.py", Path({str(HERE)!r}))
        """)
    )
    (tmp_path / "test_acme.py").write_text(
        textwrap.dedent("""
            from hpo_bridge.testing import BackendConformance

            class TestSound(BackendConformance):
                backend = "fake.sound"
                options = {"size": 8}
                startup, trials = 8, 4

            class TestLate(BackendConformance):
                backend = "fake.deadlocks_on_late"
                startup, trials = 10, 4
                _late = "a generation waits for its members"
                expected_failures = {"batch[late]": _late, "inject[history]": _late}

            class TestDeaf(BackendConformance):
                backend = "fake.deaf"
                startup, trials = 10, 4
                expected_failures = {"finite": "it is not"}
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfx", "--tb=line"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    words = done.stdout.splitlines()
    failed = {line.split("::")[-1].split(" - ")[0] for line in words if line.startswith("FAILED")}
    assert failed == {
        "test_conformance[inject[used]]", "test_conformance[inject[towards]]",
        "test_conformance[inject[history]]", "test_conformance[finite]",
    }  # fmt: skip
    expected = sorted(line for line in words if line.startswith("XFAIL"))
    assert ["batch[late]" in line for line in expected] == [True, False]
    assert ["inject[history]" in line for line in expected] == [False, True]
    assert all("a generation waits" in line for line in expected)
    assert f"{3 * len(CHECK_NAMES) - 6} passed" in words[-1]


# -- the command -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def json_report(command):
    return command("core.grid", "--option", "resolution=3", "--json")


def test_the_command_gives_json(json_report):
    assert json_report.returncode == 0, json_report.stderr
    report = json.loads(json_report.stdout)
    assert list(report) == ["backend", "options", "passed", "checks"]
    assert (report["backend"], report["options"]) == ("core.grid", {"resolution": 3})
    assert report["passed"] is True
    assert [check["name"] for check in report["checks"]] == list(CHECK_NAMES)
    for check in report["checks"]:
        assert list(check) == ["name", "result", "detail", "seconds"]
        assert check["detail"]
        assert check["result"] in ("passed", "refused", "not applicable")


def test_nothing_but_json_is_printed(json_report):
    assert json_report.stdout.count("\n") == 1
    assert json_report.stderr == ""


def test_the_command_prints_a_table(command):
    done = command("core.random", "--trials", "4", "--startup", "4")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].split() == ["check", "result", "detail"]
    assert len(lines) == len(CHECK_NAMES) + 2
    assert lines[-1].startswith("core.random: ")


def test_a_failed_check_is_exit_code_1(command):
    few = ("--trials", "4", "--startup", "4")
    done = command("core.random", *few, "--expect", "finite=it ends", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["passed"]) == (1, False)
    assert [c["name"] for c in report["checks"] if c["result"] == "failed"] == ["finite"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["core.randm"], "did you mean 'core.random'"),
        (["core.grid", "--option", "resolutoin=3"], "resolutoin: unknown option"),
        (["core.grid", "--option", "resolution=1"], "expected an integer of at least 2"),
        (["core.grid", "--option", "resolution"], "--option: 'resolution' is not of the form"),
        (["core.grid", "--option", "resolution=["], "--option: resolution"),
        (["core.random", "--expect", "finit=why"], "did you mean 'finite'"),
        (["core.random", "--expect", "finite="], "'finite' has no reason"),
        (["core.random", "--trials", "1"], "trials"),
    ],
)
def test_wrong_use_is_exit_code_2(arguments, words, command):
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


WITHOUT_PYTEST = """
import sys
for name in ("pytest", "_pytest"):
    sys.modules[name] = None
"""


def test_the_kit_needs_no_pytest():
    code = WITHOUT_PYTEST + (
        "from hpo_bridge.testing import BackendConformance, backend_checks, run_check\n"
        "few = {'startup': 4, 'trials': 4}\n"
        "assert all(run_check(c).good for c in backend_checks('core.random', **few))\n"
        "import hpo_bridge.cli, sys\n"
        "sys.argv = 'hpo-bridge check core.random --startup 4 --trials 4'.split()\n"
        "hpo_bridge.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_kit_imports_no_library():
    code = (
        "import sys, hpo_bridge.testing\n"
        "print(sorted({'numpy', 'pytest', 'optuna', 'sqlalchemy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_help_does_not_load_the_kit():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from hpo_bridge.cli.app import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "assert 'check' in result.output\n"
        "print([m for m in sys.modules if m.startswith('hpo_bridge.testing')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


# -- what to fix first -----------------------------------------------------------------------


def test_a_wrong_space_is_to_be_fixed_first(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\n"
        "from hpo_bridge.plugins import manager\n"
        f"manager().add('faulty_backends.py', Path({str(HERE)!r}))\n"
    )
    (tmp_path / "test_acme.py").write_text(
        "from hpo_bridge.testing import BackendConformance\n"
        "class TestAcme(BackendConformance):\n"
        "    backend = 'fake.out_of_bounds'\n"
        "    startup, trials = 4, 4\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfs", "--tb=line"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("FAILED")]
    skipped = [line for line in lines if line.startswith("SKIPPED")]
    assert failed
    assert all("[space[" in line for line in failed)
    assert skipped
    assert all("fix space[int] first" in line for line in skipped)


def test_the_command_says_what_to_fix_first(plugins, capsys):
    from hpo_bridge.cli.check import _print

    checks = backend_checks("fake.out_of_bounds", plugins=plugins, startup=4, trials=4)
    _print("fake.out_of_bounds", {}, [run_check(check) for check in checks], as_json=False)
    shown = capsys.readouterr().out
    failed = [line.split()[0] for line in shown.splitlines() if " failed " in line]
    assert failed
    assert all(name.startswith("space[") for name in failed)
    assert "fix space[int] first: " in shown
