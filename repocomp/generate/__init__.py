"""Generators: a task goes in as text, text comes out; the local one owns prefill, decoding and its caches."""
