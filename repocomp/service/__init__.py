"""The one way in: a buffer and a position become a completion, which is recorded; every door calls this."""
