"""Benchmarks: completion, retrieval, search, decoding, indexing and latency, on this machine and on any repository."""
