"""Pickles read as data: nothing that one names is imported, and nothing is called.

A pickle is a program, and Python's own way to open one runs it. Here every class and function
that it names becomes a :class:`Stand-in <StandIn>` that keeps what it was given, but for a few
of the standard library that only hold data. So a file that names ``os.system`` gives an object
of that name, and that is all. NumPy's numbers and arrays become numbers and lists, and files
that joblib wrote, compressed or not, are read too.

It is meant for what optimizer libraries save. A file can still be made to use up memory.
"""

from __future__ import annotations

import bz2
import collections
import datetime
import gzip
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from .errors import HistoryError

__all__ = ["StandIn", "is_pickle", "names_in", "plain", "read_pickle"]

CALLABLE: dict[tuple[str, str], Any] = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "bytes"): lambda content=(): bytes(iter(content)),  # not of a given length
    ("builtins", "bytearray"): lambda content=(): bytes(iter(content)),
    ("builtins", "complex"): complex,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "object"): object,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("datetime", "datetime"): datetime.datetime,
    ("datetime", "timedelta"): datetime.timedelta,
    ("datetime", "timezone"): datetime.timezone,
}
"""What may be called: builds data out of data, and does nothing else."""
OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""What protocols up to 2 call some modules: their names in Python 2."""
WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
CODES = {"f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b",
         "u8": "Q", "u4": "I", "u2": "H", "u1": "B", "b1": "?"}  # fmt: skip
"""NumPy's kinds and sizes of numbers, as :mod:`struct` spells them."""


class StandIn:
    """An object of a class that is not imported.

    Attributes:
        kind: Module and name of what the pickle names.
        args: What it was called with.
        state: What the pickle gave it, such as the attributes of an instance.
        items: What was put into it: elements, or pairs of key and value.
    """

    kind: tuple[str, str] = ("", "")

    def __new__(cls, *args: Any, **named: Any) -> StandIn:
        """Keeps the arguments, whatever they are."""
        made = object.__new__(cls)
        made.args, made.state, made.items = args, named or None, []
        return made

    args: tuple[Any, ...]
    state: Any
    items: list[Any]

    def __init__(self, *args: Any, **named: Any) -> None:
        """Takes what ``__new__`` has kept."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        """Keeps an element."""
        self.items.append(item)

    def extend(self, items: Any) -> None:
        """Keeps elements."""
        self.items.extend(items)

    def add(self, item: Any) -> None:
        """Keeps an element."""
        self.items.append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def __call__(self, *args: Any, **named: Any) -> StandIn:
        """Another one, with these arguments."""
        return _stand_in("", "()")(*args, **named)

    def __hash__(self) -> int:
        return id(self)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the instance, and the items of a mapping."""
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        pairs = [item for item in self.items if isinstance(item, tuple) and len(item) == 2]
        found = dict(state) if isinstance(state, dict) else {}
        return {str(key): value for key, value in (*pairs, *found.items())}


def _stand_in(module: str, name: str) -> type[StandIn]:
    return type("StandIn", (StandIn,), {"kind": (module, name)})


def read_pickle(source: str) -> Any:
    """What a pickle holds; see the module's text.

    Raises:
        HistoryError: If the file cannot be read, or is no pickle.
    """
    try:
        return plain(_Unpickler(io.BytesIO(_content(source))).load())
    except OSError as error:
        raise HistoryError(f"{source}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged stream may do anything to the machine that reads it
        text = " ".join(str(error).split())[:160]
        raise HistoryError(f"{source}: is no pickle that can be read: {text}") from None


def names_in(source: str) -> Iterator[str]:
    """The modules that a pickle names at its beginning, in order, without reading it."""
    import pickletools

    try:
        content = _content(source)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return
    strings: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "GLOBAL":
                yield str(argument).partition(" ")[0]
            elif opcode.name == "STACK_GLOBAL":
                yield strings[-2] if len(strings) > 1 else ""
            elif isinstance(argument, str):
                strings.append(argument)
    except Exception:  # raw arrays of joblib's, or no pickle at all
        return


def is_pickle(source: Any) -> bool:
    """Whether a source is a file that begins like a pickle, compressed or not."""
    if not isinstance(source, str) or not Path(source).is_file():
        return False
    try:
        return _content(source, 2)[:1] == b"\x80"
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        return False


def _content(source: str, limit: int = -1) -> bytes:
    """The bytes of a file, decompressed if they are compressed."""
    with open(source, "rb") as file:
        head = file.read(6)
        file.seek(0)
        opener = _opener(head)
        if opener is None:
            return file.read(limit)
        if opener is zlib:
            return zlib.decompressobj().decompress(file.read(), max(limit, 0))
        with opener(file) as inner:
            return bytes(inner.read(limit))


def _opener(head: bytes) -> Any:
    """What decompresses a file with these first bytes; ``None`` if it is not compressed."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.open
    if head.startswith(b"BZh"):
        return bz2.open
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00")):
        return lzma.open
    return zlib if head[:1] == b"\x78" else None


class _Unpickler(pickle._Unpickler):
    """In Python, as arrays that joblib wrote stand between the instructions of the stream."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        self._file = file

    def find_class(self, module: str, name: str) -> Any:
        """A class that keeps what it is given, whatever the pickle asks for."""
        module = OLD_MODULES.get(module, module)
        if (module, name) == ("copyreg", "_reconstructor"):
            return lambda kind, base, state: kind()
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding="latin1": str(text).encode("latin1")
        known = CALLABLE.get((module, name))
        return _stand_in(module, name) if known is None else known

    def load_build(self) -> None:
        """Sets an object's state; after an array of joblib's comes its content."""
        super().load_build()  # type: ignore[misc]
        stack: list[Any] = self.stack  # type: ignore[attr-defined]
        made = stack[-1]
        if isinstance(made, StandIn) and made.kind == WRAPPER:
            stack[-1] = self._array(made.attributes)

    dispatch[pickle.BUILD[0]] = load_build

    def _array(self, wrapper: dict[str, Any]) -> Any:
        dtype, shape = wrapper["dtype"], tuple(wrapper["shape"])
        if _type_of(dtype)[:1] == "O":
            return plain(_Unpickler(self._file).load())
        padding = wrapper.get("numpy_array_alignment_bytes")
        if padding is not None:
            self._file.read(self._file.read(1)[0])
        size = _size_of(dtype)
        count = 1
        for length in shape:
            count *= int(length)
        raw = self._file.read(count * size)
        return _shaped(_numbers(raw, dtype), shape, fortran=wrapper.get("order") == "F")


# -- NumPy's numbers ------------------------------------------------------------------------


def plain(value: Any, _seen: dict[int, Any] | None = None) -> Any:
    """``value`` with NumPy's scalars and arrays as numbers and lists, all the way down."""
    seen = {} if _seen is None else _seen
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, StandIn):
        return _plain_stand_in(value, seen)
    if type(value) is list:
        made: Any = []
        seen[id(value)] = made
        made.extend(plain(item, seen) for item in value)
        return made
    if type(value) is tuple:
        return tuple(plain(item, seen) for item in value)
    if isinstance(value, dict):
        made = {}
        seen[id(value)] = made
        made.update((plain(k, seen), plain(v, seen)) for k, v in value.items())
        return made
    return value


def _plain_stand_in(value: StandIn, seen: dict[int, Any]) -> Any:
    module, name = value.kind
    if module.partition(".")[0] == "numpy":
        if name == "scalar" and len(value.args) == 2:
            return _scalar(*value.args)
        if name == "_reconstruct" and isinstance(value.state, tuple) and len(value.state) == 5:
            _, shape, dtype, fortran, raw = value.state
            raw = plain(raw, seen) if isinstance(raw, list) else _numbers(raw, dtype)
            return _shaped(raw, shape, fortran=fortran)
        if name == "_frombuffer" and len(value.args) == 4:
            raw, dtype, shape, order = value.args
            return _shaped(_numbers(bytes(raw), dtype), shape, fortran=order == "F")
    seen[id(value)] = value
    value.args = plain(value.args, seen)
    value.state = plain(value.state, seen)
    value.items = plain(value.items, seen)
    return value


def _scalar(dtype: Any, raw: Any) -> Any:
    return _numbers(raw, dtype)[0] if isinstance(raw, (bytes, bytearray)) else raw


def _type_of(dtype: Any) -> str:
    """NumPy's kind and size of a number: ``f8``."""
    text = dtype.args[0] if isinstance(dtype, StandIn) and dtype.args else dtype
    return str(text).lstrip("<>=|")


def _size_of(dtype: Any) -> int:
    kind = _type_of(dtype)
    if kind in CODES:
        return struct.calcsize(CODES[kind])
    if kind[:1] in "USVmM" and kind[1:].isdecimal():  # what is no number stays bytes
        return int(kind[1:]) * (4 if kind[0] == "U" else 1)
    raise ValueError(f"an array of {kind}")


def _numbers(raw: Any, dtype: Any) -> list[Any]:
    """The elements of an array's buffer."""
    kind, size = _type_of(dtype), _size_of(dtype)
    state = dtype.state if isinstance(dtype, StandIn) else None
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "<"
    big = order == ">"
    if kind in CODES:
        code = f"{'>' if big else '<'}{len(raw) // size}{CODES[kind]}"
        return list(struct.unpack(code, raw))
    read: Callable[[bytes], Any] = bytes
    if kind[0] == "U":
        encoding = "utf-32-be" if big else "utf-32-le"
        read = lambda part: part.decode(encoding).rstrip("\0")  # noqa: E731
    return [read(bytes(raw[at : at + size])) for at in range(0, len(raw), size)] if size else []


def _shaped(flat: list[Any], shape: Any, *, fortran: bool) -> Any:
    """Elements as nested lists, as ``ndarray.tolist`` gives them."""
    shape = tuple(int(length) for length in shape)
    if not shape:
        return flat[0]
    if fortran and len(shape) == 2:
        return [list(row) for row in zip(*_shaped(flat, shape[::-1], fortran=False), strict=True)]
    if fortran and len(shape) > 2:
        raise ValueError("an array of more than two dimensions in Fortran's order")
    for length in reversed(shape[1:]):
        flat = [flat[at : at + length] for at in range(0, len(flat), length)] if length else []
    return flat
