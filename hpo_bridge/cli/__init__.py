"""The command ``hpo-bridge``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .exit_codes import INTERRUPTED, WRONG_USE

__all__ = ["INTERRUPTED", "WRONG_USE", "main"]


def _one_line(
    usual: Callable[..., str], message: Warning | str, category: type[Warning], *place: Any
) -> str:
    """Format a warning; one of ours without a line of source code, which is not the user's."""
    if category.__module__.startswith(__name__.partition(".")[0] + "."):
        return f"hpo-bridge: {message}\n"
    return usual(message, category, *place)


def main() -> None:
    """Runs the command, turning every error of ours into one line and an exit code.

    0: done; 1: the study ended without one complete trial, or a check failed; 2: wrong use
    or configuration, or a store that cannot be used; 130: interrupted.
    """
    import warnings

    from ..errors import ConfigError, HpoBridgeError
    from .app import app

    warnings.formatwarning = partial(_one_line, warnings.formatwarning)
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        sys.exit(WRONG_USE)
    except HpoBridgeError as error:
        print(f"hpo-bridge: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone (`hpo-bridge trials … | head`): no more to say.
        sys.stderr.close()
        sys.exit(0)
