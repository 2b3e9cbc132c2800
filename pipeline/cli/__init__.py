"""The command line: one module per verb, imported only when its verb is called, so that help appears immediately."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from pipeline import __version__
from pipeline.cli.console import NothingDone, print_error
from pipeline.cli.verbs import LazyGroup
from pipeline.errors import ConfigurationError, OutputNotWritable, RestorationError, WeightsError
from pipeline.escape import error_line

COMMAND = "archive-restoration"
VERBS = {
    "restore": "restore a folder or bucket of scans: all stages",
    "mask": "find damage on every scan and write masks",
    "inpaint": "fill the damage that masks mark",
    "evaluate": "compare engines where the undamaged pictures are known",
    "list": "list scans by outcome, reason and time",
    "trace": "show everything that ever happened to a scan",
    "outdated": "say what the next run does again after an update or a change of recipe",
    "usage": "show how much room results take",
    "prune": "find, and delete, reports and quarantined copies that are no longer needed",
    "fixity": "read masters and results again and compare them with the ledger's checksums",
    "bag": "write a BagIt bag of results, with PREMIS and masters",
    "backup": "copy the ledger while runs go on",
    "move": "tell the ledger that an output was moved",
    "rename": "give a collection another name in the ledger",
    "check": "check collections file, folders, weights, ledger and mail server; change nothing",
    "mail-test": "send a test mail",
    "review": "decide in the browser what the machine doubts",
    "simulate": "write damaged copies of clean pictures with true masks",
    "train": "train a network, with checkpoints and resume",
}
EPILOG = """\
VERB --help shows what a verb takes.

exit codes: 0 done; 1 done in part, or not found; 2 wrong usage or configuration, nothing was done; 130 interrupted"""


@click.group(
    cls=LazyGroup,
    module="pipeline.cli.commands.{name}",
    summaries=VERBS,
    epilog=EPILOG,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name=COMMAND, message="%(prog)s %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="show the log, a line per scan and stage")
def cli(verbose: bool) -> None:
    """Restore damaged photographs and keep a record of it."""
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pipeline").setLevel(logging.INFO if verbose else logging.ERROR)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: the verb and its arguments; those of this process by default.

    Raises:
        SystemExit: with 0 after help and version, with 2 after wrong usage.
    """
    verb = program = _program()
    try:
        with cli.make_context(program, list(sys.argv[1:] if arguments is None else arguments)) as context:
            try:
                return int(cli.invoke(context) or 0)
            finally:
                verb = context.invoked_subcommand or program
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except click.UsageError as error:
        if error.ctx is not None:
            print(error.ctx.get_usage(), file=sys.stderr)
        print_error(verb, error.format_message())
        raise SystemExit(2) from None
    except NothingDone as error:
        print_error(verb, str(error))
        return 2
    except (ConfigurationError, WeightsError, OutputNotWritable) as error:
        print_error(verb, error_line(error))
        return 2
    except RestorationError as error:
        print_error(verb, error_line(error))
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        continued = "with --resume, once there is a checkpoint," if verb == "train" else "again"
        print_error(verb, f"interrupted; run the same command {continued} to continue")
        return 130
    except BrokenPipeError:
        # The reader of the output, such as `head`, closed the pipe; Python must not report that at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # A file or folder that is not there, not allowed, full, too long a name: never a fault of the program.
        print_error(verb, error_line(error))
        return 1


def run() -> NoReturn:
    """Run one verb and end the process with its exit code."""
    sys.exit(main())


def _program() -> str:
    """Return the command by which this process was started."""
    return COMMAND if Path(sys.argv[0]).stem == COMMAND else "python -m pipeline"
