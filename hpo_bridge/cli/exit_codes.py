"""The exit codes of the command, beside 0 for success."""

from __future__ import annotations

NO_TRIAL = 1
WRONG_USE = 2
INTERRUPTED = 130
