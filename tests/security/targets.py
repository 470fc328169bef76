"""What reads bytes that others wrote: a function each, which raises nothing but the errors that it documents.

`python -m tests.security.targets -runs=100000` fuzzes them guided by coverage, where `atheris` is installed;
`test_parsers.py` feeds them variations of what they should read.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from repocomp import git
from repocomp.cli import quick
from repocomp.cli.cursor import Cursor
from repocomp.config import load_settings
from repocomp.document import Document, PositionEncoding
from repocomp.errors import CursorError, PackError, RepocompError
from repocomp.feedback.hooks import _without_block
from repocomp.git_process import Answer
from repocomp.index.ignore import Patterns
from repocomp.index.read import read
from repocomp.languages import notebook
from repocomp.model.manifest import parse_manifest
from repocomp.secrets.redaction import redact
from repocomp.serve import protocol
from repocomp.feedback.reports import parse_rewrites

COMMIT = "0123456789abcdef0123456789abcdef01234567"
