"""Cross-validation as a first-class trial, and a search with the interface of scikit-learn.

This module is data: scikit-learn is imported on use.
"""

from __future__ import annotations
