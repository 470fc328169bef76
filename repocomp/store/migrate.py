"""How a schema grows: named steps, taken in order, all that are missing or none.

`sqlite-utils` runs the steps and records them. `PRAGMA user_version` counts them as well, so opening a current
database costs one read and no import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from repocomp.store.connect import Connection, transaction

if TYPE_CHECKING:
    from sqlite_utils import Database

Steps = tuple[tuple[str, str], ...]
"""Names and SQL scripts, oldest first."""


def schema_version(connection: Connection) -> int:
    """How many steps the database has taken."""
    (count,) = connection.execute("PRAGMA user_version").fetchone()
    return int(count)


def migrate(connection: Connection, steps: Steps, name: str) -> None:
    """Take the `steps` that are missing, all or none. Needs a writable connection in autocommit mode."""
    if schema_version(connection) >= len(steps):
        return
    from sqlite_utils import Database, Migrations

    migrations = Migrations(name)
    for step, script in steps:
        migrations(name=step)(_step(script))
    # The lock comes before the question what is missing: two processes may open a new database at once.
    with transaction(connection):
        migrations.apply(Database(connection))
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def statements(script: str) -> list[str]:
    """The statements of a step; each ends its line with a semicolon."""
    return script.split(";\n")


def _step(script: str) -> Callable[[Database], None]:
    def run(database: Database) -> None:
        for statement in statements(script):
            database.execute(statement)

    return run
