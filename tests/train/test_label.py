"""Labels of a pack: the model's own word, whatever was made of it since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repocomp.model.library import load_pack, write_pack
from repocomp.model.pack import MODES, Calibration
from repocomp.train.lm.label import label, read
from repocomp.train.repository import Repository
from tests.train.repositories import modules


def test_labels_do_not_depend_on_the_calibration_they_will_replace(tmp_path: Path) -> None:
    pack = load_pack("default")
    files = {name: (pack.folder / name).read_bytes() for name in pack.digests}
    repository = Repository("acme/one", [(path, text.encode()) for path, text in modules("one", 2).items()])
    found = []
    for name, slope in (("as-it-is", 1.0), ("calibrated", 3.0)):
        other = replace(pack, folder=tmp_path / name, calibration={mode: Calibration(slope, 0.5) for mode in MODES})
        write_pack(other, files)
        out = tmp_path / f"{name}.jsonl"
        assert label([repository], str(other.folder), out, holes_each=3, seed=0) == 3
        found.append(read(out))
    assert found[0] == found[1]
    assert all(0 < example.probability < 1 for example in found[0])
