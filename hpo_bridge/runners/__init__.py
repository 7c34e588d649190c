"""Runners: who evaluates trials, and owns the loop."""
