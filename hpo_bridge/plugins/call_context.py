"""Calls into a backend that do not depend on how the caller has set its libraries.

Code of a library is written for the settings that it finds after its import. A caller may have
others: ``optuna.tpe`` dies of ``numpy.seterr(all="raise")``, ``optuna.gp`` within
``torch.no_grad()``. Only what holds for the calling thread alone is set here, so that no other
thread notices; a library that is not imported yet has its own settings.

The rest is the backends' own concern, and the conformance kit looks at it: what Python and the
libraries keep for the whole process, from warnings to ``torch.set_default_dtype``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

_AS_IT_IS = nullcontext()


def neutral_surroundings() -> AbstractContextManager[Any]:
    """Return a context in which numpy raises no errors of rounding and torch records gradients.

    It costs one or two microseconds.

    Example:
        >>> import numpy
        >>> with numpy.errstate(all="raise"), neutral_surroundings():
        ...     numpy.exp(numpy.float64(-1000.0)).item()
        0.0
    """
    numpy: Any = sys.modules.get("numpy")
    torch: Any = sys.modules.get("torch")
    if not hasattr(numpy, "errstate"):  # it is not there, or its import is under way
        return _AS_IT_IS
    ignoring: AbstractContextManager[Any] = numpy.errstate(all="ignore")
    if not hasattr(torch, "inference_mode"):
        return ignoring
    if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
        return ignoring
    return _recording(ignoring, torch)


@contextmanager
def _recording(ignoring: AbstractContextManager[Any], torch: Any) -> Iterator[None]:
    with ignoring, torch.inference_mode(False), torch.enable_grad():
        yield
