"""The command ``hpo-bridge``."""

from __future__ import annotations

import sys

WRONG_USE = 2
INTERRUPTED = 130


def main() -> None:
    """Runs the command, turning every error of ours into one line and an exit code.

    0: done; 1: the study ended without one complete trial, or a check failed; 2: wrong use
    or configuration, or a store that cannot be used; 130: interrupted.
    """
    from ..errors import ConfigError, HpoBridgeError
    from .app import app

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
