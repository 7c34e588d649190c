"""How large and how tangled the code is: circles, sizes, names, and the calls that a trial takes.

Figures of structure are read from the source, so they are the same on every machine. The times
that matter beside them are printed by `overhead.py` and `stores.py`.
"""

from __future__ import annotations

import ast
import inspect
import io
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from figures import show

import hpo_bridge as hpo

ROOT = Path(__file__).resolve().parents[1]
TREES = {"hpo_bridge": ROOT, "adapters": ROOT / "adapters", "plugins": ROOT / "plugins"}
LONG_FILE, LONG_FUNCTION = 300, 40
RELATIVE = {"What", "Whether", "How", "Where", "Who", "Which"}
Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def sources(tree: str) -> Iterator[tuple[str, Path]]:
    """The dotted name and the path of every module below one of `TREES`."""
    for path in sorted((ROOT / tree).rglob("*.py")):
        parts = list(path.relative_to(TREES[tree]).with_suffix("").parts)
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = {name: path for tree in TREES for name, path in sources(tree)}
CORE = {name: path for name, path in MODULES.items() if name.startswith("hpo_bridge.")}
PARSED = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imported(module: str) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(PARSED[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level])
            source = ".".join(filter(None, [base if node.level else "", node.module]))
            found |= {f"{source}.{a.name}" if f"{source}.{a.name}" in MODULES else source
                      for a in node.names}  # fmt: skip
    return {name for name in found if name in MODULES and name != module}


def circles() -> list[set[str]]:
    """Groups of modules that import each other (Tarjan's strongly connected components)."""
    graph = {name: imported(name) for name in MODULES}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    sys.setrecursionlimit(10_000)
    for name in graph:
        if name not in index:
            visit(name)
    return found


def code_lines(path: Path) -> int:
    """The lines of a file that are neither blank, nor comment, nor docstring."""
    text = path.read_text()
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            documentation |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
               tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - documentation)


def definitions(modules: dict[str, Path]) -> Iterator[tuple[str, Node]]:
    """Every class and function of some modules, each with its module."""
    for name in modules:
        for node in ast.walk(PARSED[name]):
            if isinstance(node, Node):
                yield name, node


def structure() -> None:
    """Print the figures that are read from the source."""
    show("circles of imports, of every kind", len(circles()), "", "0", not circles())
    lines = sum(code_lines(path) for path in CORE.values())
    show("core, lines of code", lines, "", "at most 13,500", lines <= 13_500)
    long_files = sum(p.read_text().count("\n") > LONG_FILE for p in MODULES.values())
    show(f"files over {LONG_FILE} lines", long_files, "", "0", long_files == 0)
    long_functions = sum(
        (node.end_lineno or 0) - node.lineno >= LONG_FUNCTION
        for _, node in definitions(MODULES)
        if not isinstance(node, ast.ClassDef)
    )
    show(f"functions over {LONG_FUNCTION} lines", long_functions, "", "at most 5",
         long_functions <= 5)  # fmt: skip
    files = Counter(path.name for path in CORE.values() if path.name != "__init__.py")
    classes = Counter(node.name for _, node in definitions(CORE) if isinstance(node, ast.ClassDef))
    for what, names, most in (("file", files, 6), ("class", classes, 0)):
        twice = sum(count > 1 for count in names.values())
        show(f"core, {what} names that occur twice", twice, "", f"at most {most}", twice <= most)
    dialect = sum(
        (ast.get_docstring(node) or "").split(" ", 1)[0] in RELATIVE
        for _, node in definitions(MODULES)
    )
    show("docstrings that begin with a relative clause", dialect, "", "0", dialect == 0)


def public_surface() -> None:
    """Print the size of what a Python user holds."""
    members = [name for name in dir(hpo.Study) if not name.startswith("_")]
    show("public members of Study", len(members), "", "at most 15", len(members) <= 15)
    arguments = len(inspect.signature(hpo.Study).parameters)
    show("arguments of its constructor", arguments, "", "at most 12", arguments <= 12)


def one_trial() -> None:
    """Print the calls of ours that a trial with two reports takes, inline and in memory."""
    own = str(ROOT / "hpo_bridge")
    calls: Counter[Any] = Counter()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(own):
            calls[frame.f_code] += 1

    def objective(trial: hpo.Trial) -> float:
        for step in range(2):
            trial.report(trial["x"], step)
        trial.should_prune()
        return float(trial["x"])

    def counted(trials: int) -> Counter[Any]:
        space = hpo.Space(
            x=hpo.Float(0, 1),
            kind=hpo.Categorical(["a", "b"]),
            n=hpo.Int(1, 9, when={"kind": "a"}),
        )
        study = hpo.Study(space, seed=0)
        calls.clear()
        sys.setprofile(profile)
        try:
            study.optimize(objective, trials=trials)
        finally:
            sys.setprofile(None)
        return Counter(calls)

    counted(2)  # imports
    more = counted(22)
    more.subtract(counted(2))
    each = {code: count / 20 for code, count in more.items() if count > 0}
    functions = sum(count >= 0.5 for count in each.values())
    files = len({code.co_filename for code, count in each.items() if count >= 0.5})
    show("one trial: calls", sum(each.values()), "", "at most 100", sum(each.values()) <= 100)
    show("one trial: functions", functions, "", "at most 60", functions <= 60)
    show("one trial: files", files, "", "at most 12", files <= 12)


def optimizers_built() -> None:
    """Print how often an optimizer is built before the first trial."""
    from hpo_bridge.builtin import random

    built: dict[str, int] = defaultdict(int)
    usual = random.RandomSearch.__init__

    def counting(self: Any, *arguments: Any, **options: Any) -> None:
        built["now"] += 1
        usual(self, *arguments, **options)

    random.RandomSearch.__init__ = counting  # type: ignore[method-assign]
    try:
        for what, backend, most in (
            ("one backend", "core.random", 1),
            ("a schedule of two", [{"name": "core.random", "trials": 1}, "core.random"], 2),
        ):
            built.clear()
            study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), backend=backend, seed=0)
            study.ask()
            show(f"optimizers built before the first trial, {what}", built["now"], "",
                 str(most), built["now"] <= most)  # fmt: skip
    finally:
        random.RandomSearch.__init__ = usual  # type: ignore[method-assign]


def adapter_lines() -> None:
    """Print how long the files are that `optuna.tpe` needs of its adapter."""
    package, needed = "hpo_bridge_optuna", {"hpo_bridge_optuna.tpe"}
    while True:
        more = {m for name in needed for m in imported(name) if m.startswith(f"{package}.")}
        if more <= needed:
            break
        needed |= more
    lines = sum(MODULES[name].read_text().count("\n") for name in needed)
    show("lines of the files that optuna.tpe needs", lines, "", "at most 600", lines <= 600)


if __name__ == "__main__":
    structure()
    public_surface()
    one_trial()
    optimizers_built()
    adapter_lines()
