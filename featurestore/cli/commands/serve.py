"""`featurestore serve`: the feature server over a target's online store."""

import os
import sys
import threading

import click

from featurestore.cli.extras import serving_extra
from featurestore.cli.output import plural
from featurestore.cli.projects import opened
from featurestore.cli.session import Command, Session
from featurestore.project import Project
from featurestore_serving.address import DEFAULT
from featurestore_serving.reader import LocalReader, local_reader

__all__ = ["serve"]

WORKERS = "featurestore-serving"
"""How the names of the server's threads begin."""
AT_REST = 0.5
"""Seconds in which a thread that has nothing to do ends."""


@click.command(
    "serve",
    cls=Command,
    examples=[
        "featurestore serve",
        "featurestore serve --address 127.0.0.1:0             # on a free port",
        "featurestore serve --target production --address 0.0.0.0:50051",
    ],
)
@click.option("--address", default=DEFAULT, show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--allow-at", is_flag=True, help="Answer requests that bring their own time, as replays and tests do.")
@click.pass_obj
def serve(session: Session, address: str, allow_at: bool) -> None:
    """Serve the features of the applied services over gRPC, from the target's online store.

    A service is refused if the project says it, or anything that it is made of, otherwise than the registry does; the
    others are served. SIGTERM and Ctrl-C let the requests under way finish, and end the server with exit code 0.
    """
    with serving_extra():
        from featurestore_serving import server  # noqa: PLC0415 - gRPC is an extra
    with opened(session) as project:
        reader = local_reader(project, allow_at=allow_at)
        server.serve(reader, address, on_start=lambda bound: _tell(project, reader, bound))
    click.echo("Stopped.")
    _leave_stuck_requests()


def _leave_stuck_requests() -> None:
    """Ends the process if requests are still worked on, which had their time: Python would wait for their threads."""
    workers = [one for one in threading.enumerate() if one.name.startswith(WORKERS)]
    for one in workers:
        one.join(AT_REST)
    if stuck := sum(one.is_alive() for one in workers):
        click.echo(f"{plural(stuck, 'request')} did not end in time, and got no answer.", err=True)
        sys.stdout.flush()
        os._exit(0)


def _tell(project: Project, reader: LocalReader, bound: str) -> None:
    """Says what is served and where; the refused ones first, so that they are said once the address is."""
    for refusal in reader.refused.values():
        hint = f"\n  hint: {refusal.hint}" if refusal.hint else ""
        click.echo(f"{refusal.message}{hint}", err=True)
    services = ", ".join(reader.services) or "no service"
    click.echo(f"Serving {services} of {project.namespace} on {bound}")
