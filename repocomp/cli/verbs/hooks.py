"""`repocomp hooks`: git hooks that keep the index up to date and measure how much of completions persists."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output
from repocomp.cli.cursor import standard_input
from repocomp.cli.verbs.feedback import here
from repocomp.config import load_settings
from repocomp.errors import ExitCode
from repocomp.feedback.hooks import EVENTS
from repocomp.git import commit_of, work_tree
from repocomp.store.paths import index_path

if TYPE_CHECKING:
    from repocomp.feedback.hooks import Hook

EPILOG = """\b
Examples:
  repocomp hooks install
  repocomp hooks status
  repocomp hooks uninstall
"""

_shared = click.option("--shared", is_flag=True, help="Also where core.hooksPath leads out of this repository.")
_REMARKS = {
    "dropped": "another tool removed it; repocomp hooks install puts it back",
    "linked": "a link, left alone; call repocomp hooks run {event} from it",
    "special": "no file, left alone",
}


@click.group(epilog=EPILOG)
def command() -> None:
    """Let git hooks report changes of the work tree.

    The hooks post-commit, post-merge, post-checkout and post-rewrite start repocomp in the background: it brings the
    index up to date and measures what of each completion stands in the commit. A hook returns at once and never fails.
    core.hooksPath is obeyed, with --shared also where it leads out of the repository; hooks that exist are kept and run
    as before. Where the hooks are links, or belong to the work tree, which is never written, call
    `repocomp hooks run EVENT >/dev/null 2>&1 &` from them.
    """


@command.command()
@_shared
@output.json_option
def install(shared: bool, as_json: bool) -> int:
    """Add a marked block to each hook of this repository."""
    from repocomp.feedback.hooks import install as run

    return _print(run(here(), shared), as_json)


@command.command()
@_shared
@output.json_option
def uninstall(shared: bool, as_json: bool) -> int:
    """Remove what `install` added, and nothing else."""
    from repocomp.feedback.hooks import uninstall as run

    return _print(run(here(), shared), as_json)


@command.command()
@output.json_option
def status(as_json: bool) -> int:
    """Show which hooks are installed, and how their latest events went."""
    from repocomp.feedback.hooks import status as run

    hooks = run(here())
    code = _print(hooks, as_json)
    if not as_json and not any(hook.state == "installed" for hook in hooks) and _has_reports():
        output.note("repocomp: hooks reported here before, and none is installed now; to go on: repocomp hooks install")
    return code


@command.command(hidden=True)
@click.argument("event", type=click.Choice(EVENTS))
@click.option("--head", help="The commit that HEAD named.")
def run(event: str, head: str | None) -> int:
    """Handle one event; hooks start this in the background."""
    _detach()
    root = work_tree(Path.cwd())
    if root is None:
        return ExitCode.OK
    from repocomp.feedback.ledger import repository_path
    from repocomp.feedback.reports import parse_rewrites, report, work

    # Hooks may be shared by many repositories; one that repocomp was never used in is none of its business.
    if not (index_path(root).exists() or repository_path(root).exists()):
        return ExitCode.OK
    # Git says which commits took the place of which on standard input.
    rewrites = parse_rewrites(standard_input().decode(errors="replace")) if event == "post-rewrite" else {}
    report(root, event, head or commit_of(root) or "", rewrites)
    work(root, lambda: _update(root))
    _learn(root)
    return ExitCode.OK


def _update(root: Path) -> None:
    """Bring the index up to date, where there is one."""
    if index_path(root).exists():
        from repocomp.cli.verbs.index import encode
        from repocomp.index.build import build

        build(root, jobs=1)
        encode(root, begin=False, wanted=False)


def _learn(root: Path) -> None:
    """Once a day, let another process learn from what was written."""
    from repocomp.learn.background import COMMAND, claim
    from repocomp.serve.client import launch

    if load_settings(root, {}).learn == "auto" and claim(root):
        launch(COMMAND, str(root))


def _detach() -> None:
    """Outlive the terminal, and give way to others."""
    if hasattr(os, "setsid") and os.getpid() != os.getpgid(0):
        os.setsid()
    if hasattr(os, "nice"):
        os.nice(10)


def _print(hooks: Sequence[Hook], as_json: bool) -> int:
    from repocomp.feedback.reports import reports

    latest = reports(here())
    failed = [event for event in latest if event.state not in ("waiting", "done")]
    waiting = sum(event.state == "waiting" for event in latest)
    if as_json:
        return output.document(
            "hooks", {"hooks": [_facts(hook) for hook in hooks], "waiting": waiting, "failed": len(failed)}
        )
    for hook in hooks:
        others = ", before other hooks" if hook.has_others and hook.state == "installed" else ""
        output.line(f"{hook.event:<15}{hook.state}{others}  {hook.path}")
        if hook.state in _REMARKS:
            output.line(f"{'':<15}{_REMARKS[hook.state].format(event=hook.event)}")
    if latest:
        output.line(f"reports        {len(latest)} kept, {waiting} waiting, {len(failed)} failed")
    for event in failed[-1:]:
        output.line(f"               {event.kind} of {event.head[:12]}: {event.state}")
    return ExitCode.OK


def _has_reports() -> bool:
    from repocomp.feedback.reports import reports

    return bool(reports(here()))


def _facts(hook: Hook) -> dict[str, Any]:
    return {"event": hook.event, "path": str(hook.path), "state": hook.state, "has_others": hook.has_others}
