"""repocomp: local, private code completion that knows the repository."""

__version__ = "0.1.0"
