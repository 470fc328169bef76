"""Experiments: holes in real code, filled with and without retrieval, and what comes of it."""
