"""The architecture's two rules, kept by reading the imports: downwards only, and each library in its room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import repocomp

ROOT = Path(repocomp.__file__).parent
FLOORS = [
    {"cli"},
    {"serve", "bench", "train"},
    {"service", "learn"},
    {"evaluate"},
    {"complete"},
    {"policy", "generate", "feedback"},
    {"prompt"},
    {"retrieve", "index"},
    {"store", "model"},
    {"stats", "charts", "languages"},
]
"""From what people touch down to what parts stand on; files in the package itself are the ground."""
WITHIN_A_FLOOR: set[tuple[str, str]] = set()
ROOMS_OF = {
    "click": {"cli"},
    "rich": {"cli"},
    "onnxruntime": {"model"},
    "torch": {"train"},
    "onnx": {"train"},
    "gguf": {"model"},
    "lightgbm": {"train"},
    "sqlite3": {"store", "bench/search"},
    "sqlite_utils": {"store"},
}
LIGHT = {"click", "rich", "numpy", "onnxruntime", "tokenizers", "tree_sitter", "sqlite_utils"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else ""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def floor_of(room: str) -> int:
    return next((at for at, rooms in enumerate(FLOORS) if room in rooms), len(FLOORS))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards(path: Path) -> None:
    room = room_of(path)
    for module in imports(path):
        parts = module.split(".")
        if parts[0] != "repocomp" or path.name == "__main__.py":
            continue
        target = parts[1] if len(parts) > 1 and (ROOT / parts[1]).is_dir() else ""
        if target == room or (room, target) in WITHIN_A_FLOOR:
            continue
        assert floor_of(target) > floor_of(room), f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_libraries_keep_to_their_rooms(path: Path) -> None:
    for module in imports(path):
        allowed = ROOMS_OF.get(module.split(".")[0])
        folders = {"/".join(path.relative_to(ROOT).parts[:depth]) for depth in (1, 2)}
        assert allowed is None or folders & allowed, f"{path.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_ground_stands_on_the_standard_library() -> None:
    for path in ROOT.glob("*.py"):
        top = {
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert not {(name or "").split(".")[0] for name in top} & LIGHT, path.name
