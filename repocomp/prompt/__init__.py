"""Prompts: one format per model family; nowhere else is a prompt put together."""
