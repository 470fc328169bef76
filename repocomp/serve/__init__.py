"""Doors for programs: the daemon with its thin client, the language server and HTTP; each knows its wire only."""
