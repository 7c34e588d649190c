"""Answers from a study's log: selection, test scores, nested scores, verification, reruns."""
