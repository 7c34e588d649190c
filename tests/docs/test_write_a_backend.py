"""docs/write-a-backend.md, done by the letter: its files are written, its commands typed in.

A block whose first line is a comment with a file's name is that file, or replaces its end from
the line that the block begins with. In a block `console` a line with `$` is typed, what follows is
what must be answered: `…` is any text, a line of it alone any lines. `# exit code 2` after a
command is how it must end, else with 0.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo_bridge import Capability

KIT = """
from pathlib import Path
from hpo_bridge.plugins import PluginManager
from hpo_bridge.testing import backend_checks, run_check

found = PluginManager()
for file, name in {files}:
    found.add(file, Path())
    for check in backend_checks(name, trials=20, plugins=found):
        result = run_check(check)
        if result.result in ("failed", "refused"):
            print(name, result.name, result.detail)
        if result.result == "passed":
            print(name, result.name)
"""
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "write-a-backend.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0]: part.partition("\n")[2] for part in re.split(r"(?m)^## ", PAGE)[1:]
}
BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$")
FILE = re.compile(r"# ([\w./-]+\.\w+)(, in place of the last lines)?\n")
END = re.compile(r"  # exit code (\d+)$")


class Reader:
    """Somebody who follows the page from its top, each section once."""

    def __init__(self, environment, folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.done: dict[str, list[str]] = {}

    def read(self, section: str) -> list[str]:
        """Does a section, after all that stand before it; what was wrong in it."""
        for title, text in SECTIONS.items():
            if title not in self.done:
                self.done[title] = [
                    fault
                    for kind, block in BLOCK.findall(text)
                    for fault in self.follow(kind, block)
                ]
            if title == section:
                break
        return self.done[section]

    def follow(self, kind: str, block: str) -> list[str]:
        if kind == "console":
            return [
                fault for step in re.split(r"(?m)^\$ ", block)[1:] for fault in self.type(step)
            ]
        named = FILE.match(block)
        if named is None:
            return [f"a block of {kind} is no file and no commands"]
        path, text = self.folder / named[1], block[named.end() :]
        if named[2]:
            before, begin, _ = path.read_text().partition(text.partition("\n")[0])
            assert begin, f"{path.name} has no such line"
            text = before + text
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return []

    def type(self, step: str) -> list[str]:
        line, _, expected = step.partition("\n")
        code = int(end[1]) if (end := END.search(line)) else 0
        found = self.environment(f"set -o pipefail; {line}", self.folder)
        answer = "".join(f"{each.rstrip()}\n" for each in found.stdout.splitlines())
        if found.returncode == code and matches(answer, expected):
            return []
        return [f"$ {line}\nended with {found.returncode} and answered\n{answer}"]


def matches(answer: str, expected: str) -> bool:
    """Whether an answer is as the page has it; runs of blanks are one."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, plain(line).split("…"))) + "\n"
        for line in expected.splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{plain(a)}\n" for a in answer.splitlines())) is not None


def plain(line: str) -> str:
    return re.sub(r" {2,}", "  ", line.rstrip())


@pytest.fixture(scope="module")
def reader(environment, tmp_path_factory):
    return Reader(environment, tmp_path_factory.mktemp("hpo-acme"))


@pytest.mark.parametrize("section", [t for t, text in SECTIONS.items() if "```" in text])
def test_the_page_can_be_followed(reader, section):
    assert not (faults := reader.read(section)), "\n".join(faults)


def test_every_backend_on_the_page_keeps_the_contract(reader):
    files = [
        (f"acme_{name}.py", f"acme.{name}") for name in ("more", "told", "kept", "front")
    ]  # acme.walk and acme.generations are checked on the page itself
    reader.read("Publish it")
    (reader.folder / "kit.py").write_text(KIT.replace("{files}", repr(files)))
    done = reader.environment("python kit.py", reader.folder)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.count(" ") > 1] == []
    assert {
        "acme.more inject[history]", "acme.more space[vector]", "acme.told explain",
        "acme.kept snapshot[continued]", "acme.kept snapshot[wrong]", "acme.front objectives[3]",
    } <= set(lines)  # fmt: skip


def test_the_page_names_every_capability():
    rows = re.findall(r"(?m)^\| `(\w+)` \|", SECTIONS["Capabilities"])
    assert sorted(rows[1:]) == sorted(capability.value for capability in Capability)


def test_what_is_shown_must_be_answered():
    assert matches("a  1.5 s\nb\nc\n", "a      … s\n…\nc\n")
    assert matches("c\n", "…\nc\n")
    assert not matches("a\nb\n", "a\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("abc\n", "a.c\n")
