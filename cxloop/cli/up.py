"""`cxloop up`: everything on this machine, pages and worker, under one supervisor that itself loads nothing heavy."""

import errno
import http.client
import os
import socket
from urllib.parse import urlsplit

import click

from cxloop import paths
from cxloop.cli import address
from cxloop.cli.supervisor import Child, Ended, Signals, Supervisor
from cxloop.errors import CxloopError

READY_WITHIN = 60.0
"""Seconds."""
_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104
"""What stands for all addresses of this machine, and one of them."""


@click.command()
@click.option("--demo", is_flag=True, help="Fill a new installation with an invented company's month.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--prepare", is_flag=True, hidden=True, help="What a child of it does: make ready, say how to get in.")
def up(demo: bool, host: str, port: int, prepare: bool) -> None:
    """Run cxloop on this machine: prepare it, start pages and worker, bring back what dies. Ctrl-C ends it."""
    if prepare:
        from cxloop.cli.preparation import prepare_installation  # the application: not for the supervisor

        click.echo(prepare_installation(with_demo=demo))
        return
    with _listen(host, port) as listener:
        if not os.environ.get("CXLOOP_BASE_URL"):
            os.environ["CXLOOP_BASE_URL"] = _address(host, listener)
            if host in _ALL or (":" in host and host != "::1"):
                click.echo("Only this machine is let in: set CXLOOP_BASE_URL to the address that others use.", err=True)
        try:
            with Signals() as signals, Supervisor(signals) as supervisor:
                _run(supervisor, listener, demo=demo)
        except Ended:
            pass
    click.echo("cxloop has ended.")


def _run(supervisor: Supervisor, listener: socket.socket, *, demo: bool) -> None:
    click.echo("Preparing the demo." if demo else "Preparing the installation.")
    how_to_get_in = supervisor.run_once(Child("The preparation", ["cxloop", "up", "--prepare", *["--demo"] * demo]))
    children = (_pages(listener), Child("The worker", ["cxloop", "work"]))
    if not supervisor.start(children, until=lambda: _is_healthy(listener), within=READY_WITHIN):
        raise SystemExit(1)
    with address.kept(paths.data_folder(paths.load_config().DATA), os.environ["CXLOOP_BASE_URL"]):
        click.echo(how_to_get_in, nl=False)
        supervisor.watch()


def _pages(listener: socket.socket) -> Child:
    """gunicorn, on a socket that the supervisor keeps: while it is brought back, visitors wait instead of failing."""
    settings = ["--config", "python:cxloop.cli.serving", "--pythonpath", str(paths.top())]
    bind = ["--bind", f"fd://{listener.fileno()}"]
    return Child("The web server", ["gunicorn", *settings, *bind, "wsgi:app"], descriptors=(listener.fileno(),))


def _listen(host: str, port: int) -> socket.socket:
    """The socket of the pages, taken before anything else is done. Raises CxloopError if it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = f"end what runs there, or choose another port, such as --port {port % 65535 + 1}"
            raise CxloopError(f"Port {port} of {host} is taken: {hint}.") from None
        if error.errno == errno.EACCES:
            raise CxloopError(f"This user may not listen on port {port}: choose one from 1024 on.") from None
        raise CxloopError(f"Nothing can listen on {host!r} here ({error.strerror}): choose another --host.") from None
    except UnicodeError:
        raise CxloopError(f"{host!r} is no address: choose another --host.") from None


def _address(host: str, listener: socket.socket) -> str:
    """Where this machine reaches the pages. Not a bare IPv6 address: Werkzeug's list of trusted hosts knows none."""
    name = "localhost" if ":" in host else _ALL.get(host, host)
    return f"http://{name}:{listener.getsockname()[1]}"


def _is_healthy(listener: socket.socket) -> bool:
    """Whether GET /health answers 200, asked for under the name that the links use."""
    host, port = listener.getsockname()[:2]
    connection = http.client.HTTPConnection(_ALL.get(host, host), port, timeout=1)
    try:
        connection.request("GET", "/health", headers={"Host": urlsplit(os.environ["CXLOOP_BASE_URL"]).netloc})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
