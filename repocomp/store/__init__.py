"""Data on disk: the databases of index, feedback and memory, with all SQL and all row types."""
