"""Retrieval: arms draw chunks of other files for a cursor, and a ranker orders them."""
