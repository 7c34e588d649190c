"""References of study files: to a function or another thing in a file or an importable module."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import KeyPath, ObjectiveError, nearest
from .callables import instance
from .failure import explain
from .module_file import find_module, import_file, put_on_path

if TYPE_CHECKING:
    from ..contracts.trial import Trial

_importing = threading.RLock()  # nobody is to get a module that another thread has half loaded
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Reference:
    """``FILE.py:NAME`` or ``package.module:NAME``: something of the user's.

    Args:
        source: The path of a ``.py`` file, or a module's dotted name.
        name: A name in it.
        folder: What ``source`` is relative to; goes on ``sys.path`` for a module.
        what: The option that names it, such as ``estimator``, or its key path: for errors.
        noun: What it is to be, in messages.
    """

    source: str
    name: str
    folder: str = "."
    what: str | KeyPath = "objective"
    noun: str = "function"

    @classmethod
    def parse(
        cls,
        text: str,
        folder: str | os.PathLike[str] = ".",
        what: str | KeyPath = "objective",
        noun: str = "function",
    ) -> Reference:
        """Takes ``SOURCE:NAME`` apart.

        Raises:
            ObjectiveError: If it has another form.
        """
        source, _, name = text.strip().rpartition(":")
        named = source.endswith(".py") or _MODULE.fullmatch(source)
        if not named or not name.isidentifier():
            raise ObjectiveError(
                f"found {text!r}; expected 'FILE.py:{noun.upper()}' or "
                f"'package.module:{noun.upper()}'",
                *_keys(what),
            )
        return cls(source, name, os.path.abspath(folder), what, noun)

    @property
    def path(self) -> Path | None:
        """The file's absolute path; ``None`` for a module."""
        if not self.source.endswith(".py"):
            return None
        return Path(self.folder, os.path.expanduser(self.source)).resolve()

    @property
    def _key_path(self) -> KeyPath:
        return _keys(self.what)

    @property
    def label(self) -> str:
        """The beginning of a problem: the name of an objective; nothing for other objects."""
        return f"{self.source}:{self.name}: " if self.noun == "function" else ""

    def check(self) -> None:
        """Looks the name up in the source text; nothing of the user's is imported.

        Raises:
            ObjectiveError: No such file, module or name, a syntax error, or, for a function, a
                name that is plainly none.
        """
        path = self.path or self._module_path()
        if path is not None:  # else an extension module, say: only its import can tell
            _check_source(path, self)

    def load(self) -> Any:
        """Imports the file or the module, and returns what has the name there.

        Raises:
            ObjectiveError: As ``check``, or if the import fails.
        """
        self.check()
        path = self.path
        try:
            if path is not None:
                with _importing:
                    module = import_file(path)
            else:
                put_on_path(self.folder)
                module = importlib.import_module(self.source)
        except (Exception, SystemExit) as error:
            raise ObjectiveError(
                f"{self.label}{self.source} cannot be imported: {explain(error)}", *self._key_path
            ) from error
        if not hasattr(module, self.name):
            raise ObjectiveError(_missing(self, dir(module), []), *self._key_path)
        return getattr(module, self.name)

    def _module_path(self) -> Path | None:
        put_on_path(self.folder)
        spec = find_module(self.source)
        if spec is None:
            raise ObjectiveError(
                f"{self.label}there is no module {self.source!r}; a file is "
                f"named with its suffix: {self.source.replace('.', '/')}.py:{self.name}",
                *self._key_path,
            )
        is_source = spec.has_location and str(spec.origin).endswith(".py")
        return Path(str(spec.origin)) if is_source else None


def _keys(what: str | KeyPath) -> KeyPath:
    return (what,) if isinstance(what, str) else what


@dataclass(frozen=True)
class ReferenceObjective:
    """``FILE.py:FUNCTION`` or ``package.module:FUNCTION``.

    Args:
        source: The path of a ``.py`` file, or a module's dotted name.
        function: A name in it.
        folder: What ``source`` is relative to; goes on ``sys.path`` for a module.
    """

    source: str
    function: str
    folder: str = "."

    @classmethod
    def parse(cls, text: str, folder: str | os.PathLike[str] = ".") -> ReferenceObjective:
        """Takes ``SOURCE:FUNCTION`` apart.

        Raises:
            ObjectiveError: If it has another form.
        """
        found = Reference.parse(text, folder)
        return cls(found.source, found.name, found.folder)

    @property
    def _reference(self) -> Reference:
        return Reference(self.source, self.function, self.folder)

    @property
    def path(self) -> Path | None:
        """The file's absolute path; ``None`` for a module."""
        return self._reference.path

    def describe(self) -> str:
        """As the user wrote it."""
        return f"{self.source}:{self.function}"

    def check(self) -> None:
        """Looks the function up in the source text; nothing of the user's is imported.

        Raises:
            ObjectiveError: No such file, module or function, a syntax error, or a name
                that is plainly not a function.
        """
        self._reference.check()

    def load(self) -> Callable[[Trial], Any]:
        """Imports the file or the module, and returns the function; of a class, a new one.

        Raises:
            ObjectiveError: As ``check``, or if the import fails.
        """
        from .callables import check_function

        function = instance(self._reference.load(), self.describe())
        check_function(function, self.describe())
        loaded: Callable[[Trial], Any] = function
        return loaded


def _check_source(path: Path, wanted: Reference) -> None:
    key_path, source, name = wanted._key_path, wanted.source, wanted.name
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise ObjectiveError(f"there is no file {path}", *key_path) from None
    except OSError as error:
        raise ObjectiveError(f"{path} cannot be read: {error.strerror}", *key_path) from None
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, before 3.11.4
        line = getattr(error, "lineno", None)
        place = f" at line {line}" if line else ""
        text = getattr(error, "msg", str(error))
        raise ObjectiveError(f"{source} has a syntax error{place}: {text}", *key_path) from None
    found = {name: node for statement in tree.body for name, node in _bound(statement)}
    if "*" in found or "__getattr__" in found:
        return
    if name not in found:
        functions = [name for name, node in found.items() if isinstance(node, ast.FunctionDef)]
        raise ObjectiveError(_missing(wanted, list(found), functions), *key_path)
    if wanted.noun != "function":
        return
    if isinstance(found[name], ast.AsyncFunctionDef):
        raise ObjectiveError(f"{source}:{name} is async", *key_path, fix="use a plain function")
    literals = (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.Set, ast.JoinedStr)
    if isinstance(found[name], literals):
        raise ObjectiveError(f"{source}:{name} is not callable", *key_path)


def _missing(wanted: Reference, names: list[str], functions: list[str]) -> str:
    shown = [name for name in functions if not name.startswith("_")]
    listed = f"; it defines {', '.join(shown)}" if shown else ""
    hint = nearest(wanted.name, functions) or nearest(wanted.name, names)
    return f"{wanted.source} has no {wanted.noun} {wanted.name!r}{hint}{listed}"


def _bound(statement: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Names that a statement binds at the top of a module, each with what it is bound to."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name, statement
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield (alias.asname or alias.name).split(".")[0], statement
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    plain = target is node
                    yield node.id, statement.value if plain else statement
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        if statement.value is not None:
            yield statement.target.id, statement.value
    else:  # if, try, with, for: what they contain
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
                yield from _bound(child)
