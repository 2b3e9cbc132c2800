"""`review RESULTS`: the review application on this machine, without Airflow."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser

import click

from pipeline.cli.uris import existing_ledger_url, use_ledger
from pipeline.cli.verbs import Verb
from pipeline.errors import ConfigurationError

EPILOG = """\
The address that is printed lets in whoever opens it first; it can be used once. The server listens on this machine
only. Stop it with Ctrl-C; decisions are in the ledger at once.

exit codes: 0 stopped; 2 there is no ledger, or the port is taken

example: review results/"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("results", metavar="RESULTS")
@click.option("--ledger", metavar="URL", help="URL or file (default: RESTORATION_LEDGER_URL, else RESULTS/ledger.db)")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="default: any that is free")
@click.option("--no-browser", is_flag=True, help="only print the address")
def command(results: str, ledger: str | None, port: int, no_browser: bool) -> int:
    """Open the page where a person decides what the machine doubts."""
    import uvicorn

    from pipeline.ledger.database import Ledger
    from pipeline.ledger.migrate import upgrade
    from pipeline.review.application import create_application
    from pipeline.review.decisions.redo import LocalRedo
    from pipeline.review.token_access import TokenAccess
    from pipeline.settings import settings

    url = existing_ledger_url(ledger or results)
    use_ledger(url)
    access = TokenAccess()
    upgrade(url).close()
    found = Ledger(url, keeps_connections=True)
    logs = settings().cache / "redo-logs"
    application = create_application(access, found, settings().cache / "tiles", LocalRedo(found, logs))
    listener = _listen(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/login?token={access.token}"
    print(f"Review: {address}", flush=True)
    if not no_browser and sys.stdout.isatty():
        threading.Timer(0.5, webbrowser.open, (address,)).start()
    config = uvicorn.Config(application, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listen(port: int) -> socket.socket:
    """Return a socket on loopback.

    Raises:
        ConfigurationError: the port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # Whoever opens the printed address at once waits, instead of being refused.
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port"
        ) from error
    return listener
