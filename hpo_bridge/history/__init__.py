"""Trials in and out: imports and exports, warm starts, changes of the space, tables."""
