"""`repocomp serve`: the daemon, which saves `repocomp complete` the start-up, and the HTTP endpoint for editors."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import click

from repocomp import __version__
from repocomp.cli import output
from repocomp.cli.options import Count, Number
from repocomp.errors import ExitCode, RepocompError, ServeError
from repocomp.serve import client, protocol
from repocomp.serve.endpoint import end, holder
from repocomp.serve.http.endpoint import DEFAULT_PORT, HttpAddress, listen, token, token_file

if TYPE_CHECKING:
    from socket import socket

    from repocomp.serve.deferred import DeferredJobs
    from repocomp.serve.door import Door
    from repocomp.service.service import CompletionService

EPILOG = """\b
Examples:
  repocomp serve --detach
  repocomp serve --http
  repocomp serve --status
  repocomp serve --stop
  repocomp complete src/app.py:42:17 --daemon always
"""

_IDLE_MIN = 30
_START_S = 20.0
_STOP_S = 10.0
_POLL_S = 0.02
_MINUTE_S = 60
_MEGABYTE = 1_000_000


@click.command(epilog=EPILOG)
@click.option("--detach", is_flag=True, help="Start it in the background, and return once it is ready.")
@click.option(
    "--http",
    "address",
    is_flag=False,
    flag_value=str(DEFAULT_PORT),
    metavar="[HOST:]PORT",
    help=f"Also answer plugins made for llama.cpp's server or OpenAI's completions, by default at {DEFAULT_PORT}.",
)
@click.option("--status", is_flag=True, help="Show whether one is running, and what it holds.")
@click.option("--stop", is_flag=True, help="Stop the running one.")
@click.option(
    "--idle-exit",
    type=Number(min=0),
    metavar="MIN",
    help="Exit after this many idle minutes; 0: never (default: 30; with --http never).",
)
@click.option(
    "--memory-cap",
    type=Count(min=64),
    default=512,
    show_default=True,
    metavar="MB",
    help="Use at most this much memory beside the models.",
)
@output.json_option
def command(
    detach: bool,
    address: str | None,
    status: bool,
    stop: bool,
    idle_exit: float | None,
    memory_cap: int,
    as_json: bool,
) -> int:
    """Answer completions of this user until idle for some minutes; uses no processor time while nobody asks.

    Holds models, indexes and the key/value caches of the files that are typed in. Answers are those that `repocomp
    complete` gives by itself. There is one per user; a second one says so and exits.

    With --http it takes the place of one that runs, and serves POST /infill, POST /v1/completions and GET /v1/models.
    Clients on this machine need no key. At another address than loopback they show the token that is kept in a file of
    yours, as a key. Which file they are in is found by what they send; the header X-Repocomp-File can tell.
    """
    if address is not None:
        HttpAddress.parse(address)
    if detach + status + stop > 1:
        raise click.UsageError("--detach, --status and --stop exclude each other")
    if status:
        return _status(as_json)
    if stop:
        return _stop(as_json)
    minutes = (_IDLE_MIN if address is None else 0) if idle_exit is None else idle_exit
    if detach:
        options = _options(minutes, memory_cap, address)
        return _detach(options, as_json)
    parsed = None if address is None else HttpAddress.parse(address)
    if _serve(minutes * _MINUTE_S or None, memory_cap * _MEGABYTE, parsed):
        client.start(*_options(minutes, memory_cap, address))
    return ExitCode.OK


def _options(idle_exit: float, memory_cap: int, address: str | None) -> tuple[str, ...]:
    options = ("--idle-exit", str(idle_exit), "--memory-cap", str(memory_cap))
    return options if address is None else (*options, "--http", address)


def _serve(idle_s: float | None, memory_bytes: int, address: HttpAddress | None) -> bool:
    """Serve until it is time to end; whether that is because the code was upgraded, and the new one is to go on."""
    from repocomp.serve import autostart
    from repocomp.serve.endpoint import listening

    if address is not None and client.tell("stop") is not None:
        # One that answers no more may still hold the place.
        _wait(lambda: holder() is None, _STOP_S)
    with ExitStack() as stack:
        http = None if address is None else stack.enter_context(listen(address))
        listener, own_token = stack.enter_context(listening())
        # Only now: of several daemons started at once the losers should cost nothing.
        from repocomp.serve.daemon import Daemon
        from repocomp.serve.deferred import DeferredJobs
        from repocomp.serve.lines import LineDoor
        from repocomp.serve.server import Server
        from repocomp.service.service import CompletionService

        service = CompletionService(memory_bytes)
        with suppress(RepocompError):
            service.preload("default")
        jobs = DeferredJobs()
        daemon = Daemon(service, jobs)
        doors: list[Door] = [LineDoor(listener, own_token, daemon.answer, service.describe)]
        if address is not None and http is not None:
            doors.append(_http_door(http, address, service, jobs))
        server = Server(doors, idle_s, jobs)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: server.stop())
        output.note(f"repocomp {__version__}: ready")
        if address is not None and http is not None:
            _announce(address, http.getsockname()[1])
        server.run()
        if server.is_superseded:
            # One of another installation asked, and starts its own.
            autostart.expect()
        return daemon.is_outdated


def _http_door(listener: socket, address: HttpAddress, service: CompletionService, jobs: DeferredJobs) -> Door:
    from repocomp.serve.follow_up import FollowUp
    from repocomp.serve.http.door import HttpDoor
    from repocomp.serve.http.wire import Guard

    guard = Guard(None if address.is_loopback else token())
    return HttpDoor(listener, guard, service, FollowUp(service, jobs))


def _announce(address: HttpAddress, port: int) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    output.note(f"http://{host}:{port}/infill, http://{host}:{port}/v1")
    if not address.is_loopback:
        output.note(f"clients show the key that stands in {token_file()}")


def _status(as_json: bool) -> int:
    found = client.tell("status")
    code = ExitCode.OK if found is not None else ExitCode.NOTHING
    if as_json:
        return output.document("serve", {"running": found is not None, **(found or {"pid": holder()})}, code)
    if found is None:
        pid = holder()
        output.line(
            "no daemon runs" if pid is None else f"process {pid} does not answer; end it: repocomp serve --stop"
        )
        return code
    output.line(f"process {found['pid']}, {found['identity']}, up for {found['uptime_s']:.0f} s")
    output.line(f"{found['requests']} requests, {found['waiting']} under way; idle for {found['idle_s']:.0f} s")
    output.line(
        f"{found['memory_bytes'] / _MEGABYTE:.0f} of {found['memory_cap_bytes'] / _MEGABYTE:.0f} MB:"
        f" {found['packs']} packs, {found['indexes']} indexes, {found['caches']} key/value caches"
    )
    return code


def _stop(as_json: bool) -> int:
    found = client.tell("stop")
    if found is not None:
        _wait(lambda: client.tell("status") is None, _STOP_S)
    pid = holder()
    if pid is not None:
        end(pid)
    if pid is not None and holder() == pid:
        raise ServeError(f"the daemon {pid} did not end", f"kill -9 {pid}")
    is_stopped = found is not None or pid is not None
    if as_json:
        return output.document("serve", {"running": False, "stopped": is_stopped})
    output.line("stopped" if is_stopped else "no daemon runs")
    return ExitCode.OK


def _detach(options: Sequence[str], as_json: bool) -> int:
    found = client.tell("status")
    if found is not None and ("--http" in options or found["identity"] != protocol.IDENTITY):
        client.tell("stop")
        _wait(lambda: client.tell("status") is None, _STOP_S)
        found = None
    if found is None:
        if (pid := holder()) is not None:
            end(pid)
        client.start(*options)
        if not _wait(lambda: client.tell("status") is not None, _START_S):
            raise ServeError("the daemon does not answer", "see why it ends: repocomp serve")
    return _status(as_json)


def _wait(is_so: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
