"""The states of random generators as plain data, for an optimizer's :class:`Snapshot`.

Takes ``random.Random``, ``numpy.random.RandomState`` and ``numpy.random.Generator``; numpy
itself is never imported.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any


def get_state(generator: Any) -> Any:
    """The generator's state as JSON data.

    Args:
        generator: A ``random.Random``, or one of numpy's ``RandomState`` and ``Generator``.

    Example:
        >>> import random
        >>> one, other = random.Random(1), random.Random(2)
        >>> set_state(other, get_state(one))
        >>> one.random() == other.random()
        True
    """
    if isinstance(generator, random.Random):
        version, words, gauss = generator.getstate()
        return [version, list(words), gauss]
    if hasattr(generator, "bit_generator"):
        return _plain(generator.bit_generator.state)
    return _plain(generator.get_state(legacy=False))


def set_state(generator: Any, state: Any) -> None:
    """Takes what :func:`get_state` gave, also after a round trip through JSON."""
    if isinstance(generator, random.Random):
        version, words, gauss = state
        generator.setstate((version, tuple(words), gauss))
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


def _plain(value: Any) -> Any:
    """Mappings of numbers, texts and arrays without the arrays and numpy's numbers."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value
