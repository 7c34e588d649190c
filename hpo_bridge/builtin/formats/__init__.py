"""Histories as plain files: CSV, JSON and Parquet.

The formats of optimizer libraries are in their adapters; all are plugins, see
:mod:`hpo_bridge.contracts.format`.
"""
