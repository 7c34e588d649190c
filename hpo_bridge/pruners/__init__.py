"""The core's own pruner; those of libraries come with their adapters."""
