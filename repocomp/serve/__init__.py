"""Doors for programs: the daemon, its thin client and its protocol; each door knows its wire only."""
