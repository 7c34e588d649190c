"""``python -m hpo_bridge`` is the command ``hpo-bridge``."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
