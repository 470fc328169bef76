"""What every verb prints with `--json`, and the manifest of the shipped pack, against the schemas in the package."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from repocomp.cli import app, quick
from repocomp.cli.app import VERBS, WITHOUT_JSON
from repocomp.cli.formats import SCHEMAS, schema
from repocomp.learn import replay
from repocomp.model.library import load_pack
from repocomp.model.pack import MANIFEST
from repocomp.serve import protocol
from tests.cli.documents import check, strict
from tests.conftest import Repository
from tests.train.repositories import modules

HERE = Path(__file__).parents[2]
COMMANDS = """
index
index --status
index . .
index --prune
complete --daemon never m3.py:2:12
complete --daemon never --retrieve always m3.py:2:12
explain last
feedback shown last
feedback partial last --text x
feedback list
feedback stats
hooks install
hooks status
hooks uninstall
learn --minutes 0
learn --show
learn --freeze
learn --unfreeze
learn --reset
bench self --limit 2
serve --status
editor
editor vim --print
editor vim --install
editor vim --uninstall
serve --stop
model
model show default
model use default
config
check-ignore m3.py
shell-completion bash
doctor
feedback forget --all
complete m3.py
complete nowhere.py:1:1
explain c_0
learn --rollback
frobnicate
"""


def test_documents_hold_what_the_schemas_describe_and_nothing_else(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = modules("alpha", 4)
    root = repository({**files, "m3.py": "def f(alpha):\n    return \n"})
    monkeypatch.chdir(root)
    monkeypatch.setattr(replay, "give_way", lambda: None)
    seen: dict[str, set[str]] = {}
    for line in COMMANDS.strip().split("\n"):
        code = app.run([*line.split(), "--json"])
        (printed,) = capsysbinary.readouterr().out.splitlines()
        document = check(json.loads(printed))
        assert document["exit_code"] == code, line
        seen.setdefault(document["command"], set()).add(document["status"])
    # The stages of training take minutes, and a fleet is several repositories; their tests check their documents.
    elsewhere = {"train", "fleet", *WITHOUT_JSON}
    assert {verb for verb, states in seen.items() if states & {"ok", "nothing"}} == VERBS.keys() - elsewhere
    assert "error" in seen["complete"] | seen[""]


def test_every_schema_is_one_and_describes_every_field() -> None:
    names = {path.stem for path in SCHEMAS.glob("*.json")}
    assert names == {"envelope", "pack", *VERBS.keys() - WITHOUT_JSON}
    for name in names:
        content = schema(name)
        jsonschema.Draft202012Validator.check_schema(content)
        assert not list(undescribed(content, name))


def undescribed(content: dict[str, Any], path: str) -> list[str]:
    """Fields without a word about them."""
    found = []
    for name, field in content.get("properties", {}).items():
        found += [] if field.get("description") else [f"{path}.{name}"]
        found += undescribed(field, f"{path}.{name}")
    for inner in (content.get("items"), content.get("additionalProperties"), *content.get("anyOf", ())):
        found += undescribed(inner, path) if isinstance(inner, dict) else []
    return found


def test_the_check_notices_what_is_missing_and_what_is_new() -> None:
    document = {"version": 1, "command": "check-ignore", "status": "ok", "exit_code": 0, "errors": []}
    row = {"path": "a", "ignored": True, "reason": "secret"}
    check({**document, "data": [row]})
    for broken in ({**row, "more": 1}, {"path": "a"}):
        with pytest.raises(jsonschema.ValidationError):
            check({**document, "data": [broken]})


def test_the_manifest_of_the_shipped_pack_is_as_described() -> None:
    manifest = json.loads((load_pack("default").folder / MANIFEST).read_text(encoding="utf-8"))
    jsonschema.validate(manifest, strict(schema("pack")))


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff here")
def test_man_pages_are_clean_roff() -> None:
    pages = sorted(str(path) for path in (HERE / "man").glob("man*/*"))
    assert {Path(page).suffix for page in pages} == {".1", ".5", ".7"}
    done = subprocess.run(["groff", "-man", "-ww", "-z", *pages], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_of_the_protocol_names_its_version_and_every_field_of_a_request() -> None:
    page = (HERE / "man" / "man7" / "repocomp-protocol.7").read_text(encoding="utf-8")
    assert f"version {protocol.VERSION} of the protocol" in page
    values = quick.parse(["a.py:1:1"])
    assert values is not None
    request = quick._request(values, {"file": "a.py", "line": 1, "column": 1, "offset": None}, b"")
    described = set(re.findall(r"\\fB(\w+)\\fR", page))
    assert request.keys() <= described
