"""Executors: one job done on many tasks, in this process, in several or on a Ray cluster, and the journal of a run."""
