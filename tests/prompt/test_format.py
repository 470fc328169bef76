"""A prompt format that nobody has written yet, added as people add one: a file, and a line of the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from repocomp.complete.parts import Parts
from repocomp.complete.pipeline import complete
from repocomp.document import Document
from repocomp.errors import PackError
from repocomp.generate.local.generator import LocalGenerator
from repocomp.generate.local.kv_cache import KvCaches
from repocomp.prompt.format import FORMATS, format_of
from repocomp.request import CompletionOptions, CompletionRequest
from tests.complete.fakes import ByteTokenizer, FixedRetriever, ScriptedModel, fake_pack, hit

FILE = '''"""The prompt of a made-up family: snippets first, then prefix, suffix and middle; it never decides."""

from dataclasses import dataclass

PREFIX, SUFFIX, MIDDLE, END = 1, 2, 3, 0


@dataclass(frozen=True)
class MadeUpFormat:
    encode: object

    @property
    def stop_ids(self):
        return frozenset((END,))

    healing = "any"

    def head_tokens(self, path):
        return 0

    def snippet(self, path, text):
        return self.encode(f"# {path}\\n{text}")

    def prompt(self, window, snippets=()):
        shown = [token for snippet in snippets for token in snippet.ids]
        return [*shown, PREFIX, *window.left_ids, SUFFIX, *window.right_ids, MIDDLE]

    def decision(self, window):
        return None


def prompt_format(pack, encode):
    return MadeUpFormat(encode)
'''
PACK = replace(fake_pack(), family="made-up")


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_format.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(FORMATS, "made-up", "made_up_format")


@pytest.mark.usefixtures("made_up")
def test_a_prompt_format_is_one_file_and_one_line() -> None:
    prompts: list[list[int]] = []

    def write(seen: list[int]) -> str:
        prompts.append(seen)
        return " beta\n"

    model = ScriptedModel(write)
    generator = LocalGenerator(PACK, ByteTokenizer(), model, KvCaches(model))
    document = Document("a.py", b"def f(beta):\n    return \n\n\nprint(f(1))\n")
    request = CompletionRequest(document, document.at(2, 12), Path("/work"), CompletionOptions())
    answer = complete(request, Parts(generator, generator, FixedRetriever([hit("alpha = 1")])))
    # A family that cannot decide leaves the lookup to the arms.
    assert (answer.text, answer.retrieval.decision, answer.retrieval.probability) == ("beta", "used", None)
    encode = ByteTokenizer().encode
    shown, left, right = "# lib/b.py\nalpha = 1\n", "def f(beta):\n    return", "\n\n\nprint(f(1))\n"
    # The space before the cursor is left for the model to write again.
    assert prompts[0] == [*encode(shown), 1, *encode(left), 2, *encode(right)]


def test_a_family_without_a_format_is_refused_by_name() -> None:
    with pytest.raises(PackError, match="of the family 'made-up'") as refused:
        format_of(PACK, ByteTokenizer().encode)
    assert "repocomp-1" in str(refused.value.hint)
