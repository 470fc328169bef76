"""The model card: what a pack was made of, how, and what it can do, for people who decide whether to trust it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repocomp.model.pack import Pack
from repocomp.named_files import read_regular
from repocomp.train.corpus.collect import MANIFEST

CARD = "MODEL_CARD.md"


_ENCODER = "## Encoder"


def encoder_section(pack: Pack) -> str:
    """What the card of `pack` says of its encoder, which is trained by itself; nothing where there is none."""
    path = pack.folder / CARD
    _, title, text = path.read_text(encoding="utf-8").partition(_ENCODER) if path.exists() else ("", "", "")
    return title + text


def write_card(pack: Pack, corpus: Path, fits: Mapping[str, Any], notes: str, encoder: str = "") -> None:
    """Write the card of `pack` beside it, with every repository of the corpus, its commit and its licence.

    It ends with the section `encoder`, where the pack has one.
    """
    facts = json.loads(read_regular(corpus / MANIFEST))
    trained = [one for one in facts if one["split"] == "train"]
    counts = Counter(one["split"] for one in facts)
    shape = pack.shape
    lines = [
        f"# {pack.name} {pack.version}",
        "",
        notes.strip(),
        "",
        f"Decoder of {shape.n_layers} layers, {shape.d_model} wide, {shape.vocab_size:,} tokens, {pack.precision};"
        f" licence {pack.licence}. Prompt in {pack.layout.upper()} order with"
        f" {pack.budgets.left} + {pack.budgets.right} + {pack.budgets.cross_file} tokens,"
        f" {pack.budgets.middle} to write.",
        "",
        "## Decision",
        "",
        "| mode | examples | ROC-AUC | ECE | threshold | retrieves |",
        "|---|---|---|---|---|---|",
        *(
            f"| {mode} | {fit.examples} | {fit.roc_auc} | {fit.calibration_error:.3f} | {fit.threshold:.3f}"
            f" | {100 * fit.retrieval_rate:.0f} % |"
            for mode, fit in fits.items()
        ),
        "",
        "Fitted on the validation repositories; what it does elsewhere is for `repocomp bench self` to say.",
        "",
        "## Corpus",
        "",
        f"{len(trained)} repositories, {sum(one['bytes'] for one in trained) / 1e6:.0f} MB of source at the commits"
        f" below; {counts['validation']} for validation, {counts['held_out']} held out, {counts['refused']} refused for"
        " their licence. Exact and near copies kept once.",
        "",
        "| repository | commit | licence | split | files |",
        "|---|---|---|---|---|",
        *(
            f"| {one['repository']} | {one['commit'][:12]} | {one['licence'] or 'not recognised'} | {one['split']}"
            f" | {one['files']} |"
            for one in facts
        ),
        "",
        *([encoder] if encoder else []),
    ]
    (pack.folder / CARD).write_text("\n".join(lines), encoding="utf-8")
