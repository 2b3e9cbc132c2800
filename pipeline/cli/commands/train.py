"""`train inpainter|detector|digits …`: train a network, with resume."""

from __future__ import annotations

import click

from pipeline.cli.verbs import LazyGroup

NETWORKS = {
    "inpainter": "the network of the engine rn",
    "detector": "the network of the detector `learned`",
    "digits": "the networks of the engine dcgan-digits",
}
EPILOG = """\
train NETWORK --help shows what a network takes.

exit codes: 0 the run is complete, or was stopped and saved; 2 it could not start (the reason is named)"""


@click.group(
    cls=LazyGroup,
    module="pipeline.cli.commands.train_{name}",
    summaries=NETWORKS,
    epilog=EPILOG,
    subcommand_metavar="inpainter|detector|digits ...",
)
def command() -> None:
    """Train a network, with checkpoints and resume."""
