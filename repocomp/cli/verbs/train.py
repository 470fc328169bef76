"""`repocomp train`: the stages from a folder of repositories to a pack, each of them resumable."""

from __future__ import annotations

from importlib.util import find_spec

import click

from repocomp.cli.train import all as train_all
from repocomp.cli.train import base as train_base
from repocomp.cli.train import pack as train_pack
from repocomp.cli.train import pieces as train_pieces
from repocomp.errors import TrainError

EPILOG = """\b
Examples, all at once:
  repocomp train all ~/repositories work --hours 10
The same, stage by stage:
  repocomp train corpus ~/repositories work/corpus
  repocomp train tokenizer work/corpus work/tokenizer.json
  repocomp train data work/corpus work/tokenizer.json work/rows
  repocomp train pretrain work/rows work/run --hours 10
  repocomp train export work/run/checkpoint.pt work/tokenizer.json work/base --name base
  repocomp train mix work/corpus work/base --read
  repocomp train label work/corpus work/base work/labels.jsonl
  repocomp train tune work/run/checkpoint.pt work/labels.jsonl work/tuned.pt
  repocomp train export work/tuned.pt work/tokenizer.json work/pack --name mine
  repocomp train mix work/corpus work/pack
  repocomp train label work/corpus work/pack work/validation.jsonl --split validation
  repocomp train calibrate work/pack work/validation.jsonl work/corpus
  repocomp train confidence work/pack work/verdicts.jsonl ~/others/*
  repocomp train policy work/pack qwen work/trials.jsonl ~/others/*
  repocomp train encoder work/corpus work/pack work/pack-with-vectors
"""


_NUMPY_ALONE = {"confidence", "policy"}
"""Stages that leave the weights as they are."""


@click.group(epilog=EPILOG)
@click.pass_context
def command(context: click.Context) -> None:
    """Train, tune and export a model pack (all but `confidence` and `policy` need the extra `train`)."""
    is_light = context.invoked_subcommand in _NUMPY_ALONE
    if not is_light and (find_spec("torch") is None or find_spec("onnx") is None):
        raise TrainError("training needs PyTorch and onnx", "pip install 'repocomp[train]'")


for stage in (
    train_all.command,
    train_base.corpus,
    train_base.tokenizer,
    train_base.data,
    train_base.pretrain,
    train_pieces.pieces,
    train_pieces.join,
    train_pack.export,
    train_pack.mix,
    train_pack.label,
    train_pack.tune,
    train_pack.carry,
    train_pack.calibrate,
    train_pack.confidence,
    train_pack.policy,
    train_pack.encoder,
):
    command.add_command(stage)
