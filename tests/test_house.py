"""The rules of the house, kept by reading the source: one test per rule, which lists everything that breaks it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from repocomp.cli.house import FLOORS, ROOT, purpose

LIBRARY_ROOMS = {
    "click": {"cli"},
    "rich": {"cli"},
    "onnxruntime": {"model"},
    "torch": {"train"},
    "onnx": {"train"},
    "gguf": {"model"},
    "lightgbm": {"train"},
    "ray": {"executor"},
    "sqlite3": {"store", "bench/search"},
    "sqlite_utils": {"store"},
}
MOST_MODULE_LINES = 300
MOST_FUNCTION_LINES = 60
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path, ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported anywhere in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else str(node.module) for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room_of(name: str) -> str:
    """The room of a module of ours; nothing for the ground."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / parts[1]).is_dir() else ""


def places(name: str) -> set[str]:
    """The room of a module of ours, and the folder in it: "bench", "bench/search"."""
    parts = name.split(".")[1:]
    return {"/".join(parts[:depth]) for depth in (1, 2)}


def test_imports_go_downwards_and_never_sideways() -> None:
    ground = len(FLOORS)
    wrong = [
        f"{name} imports {target}"
        for name, (_, tree) in modules().items()
        if name != "repocomp.__main__"
        for target in imports(tree)
        if target.split(".")[0] == "repocomp" and room_of(target) != room_of(name)
        if FLOOR.get(room_of(target), ground) <= FLOOR.get(room_of(name), ground)
    ]
    assert not wrong


def test_no_circle_of_imports() -> None:
    graph = {
        name: {target for target in imports(tree) if target in modules() and target != name}
        for name, (_, tree) in modules().items()
    }
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"a circle: {error.args[1]}") from None


def test_libraries_keep_to_their_rooms() -> None:
    wrong = [
        f"{name} imports {target}"
        for name, (_, tree) in modules().items()
        for target in imports(tree)
        if not places(name) & LIBRARY_ROOMS.get(target.split(".")[0], places(name))
    ]
    assert not wrong


def test_the_ground_stands_on_the_standard_library() -> None:
    allowed = {*sys.stdlib_module_names, "repocomp"}
    wrong = [
        f"{path.name} imports {target}"
        for path, tree in modules().values()
        if path.parent == ROOT
        for statement in tree.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for target in imports(statement)
        if target.split(".")[0] not in allowed
    ]
    assert not wrong


def test_modules_and_functions_stay_small() -> None:
    wrong = []
    for name, (path, tree) in modules().items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        wrong += [f"{name}: {lines} lines"] if lines > MOST_MODULE_LINES else []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                wrong += [f"{name}.{node.name}: {lines} lines"] if lines > MOST_FUNCTION_LINES else []
    assert not wrong


def test_every_room_is_on_one_floor_and_says_what_it_is_for() -> None:
    rooms = [path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()]
    assert sorted(rooms) == sorted(room for floor in FLOORS for room in floor)
    packages = [path for path, _ in modules().values() if path.name == "__init__.py" and path.parent != ROOT]
    assert not [path for path in packages if path.parent.parent == ROOT and not purpose(path)]
    # A package imports nothing: its modules are named in full.
    assert not [path for path in packages for _ in imports(ast.parse(path.read_text(encoding="utf-8")))]
