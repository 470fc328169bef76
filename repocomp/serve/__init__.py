"""Doors for programs: the daemon with its thin client, and HTTP for editors; each door knows its wire only."""
