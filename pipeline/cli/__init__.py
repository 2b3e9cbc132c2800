"""The command line: one verb per module, imported only when it is asked for, so that help comes at once."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from pipeline import __version__
from pipeline.errors import ConfigurationError, OutputNotWritable, RestorationError, WeightsError
from pipeline.escape import error_line

VERBS = {
    "restore": "restore a folder or bucket of scans: the whole way",
    "mask": "find damage on every scan and write masks",
    "inpaint": "fill the damage that masks mark",
    "evaluate": "compare engines where the undamaged pictures are known",
    "trace": "tell everything that ever happened to a scan",
    "simulate": "write damaged copies of clean pictures with true masks",
    "train": "train a network, with checkpoints and resume",
}
DESCRIPTION = "Restores damaged photographs and keeps account of it."
EPILOG = """\
`python -m pipeline VERB --help` tells what a verb takes.
exit codes: 0 done; 1 done in part, or not found; 2 wrong usage or configuration, nothing was done; 130 interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(next((word for word in given if word in VERBS), None))
    parsed = parser.parse_args(given)
    _log(parsed.verbose)
    run = getattr(parsed, "run", None) or parsed.func
    try:
        return int(run(parsed) or 0)
    except (ConfigurationError, WeightsError, OutputNotWritable) as error:
        return _complain(parsed.verb, error, 2)
    except RestorationError as error:
        return _complain(parsed.verb, error, 1)
    except KeyboardInterrupt:
        print(f"\n{parsed.verb}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(verb: str | None) -> argparse.ArgumentParser:
    """Return the parser, complete for the verb that was asked for."""
    parser = argparse.ArgumentParser(
        "pipeline", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"archive-restoration {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the log, a line per scan and stage")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, help_text in VERBS.items():
        if name == verb:
            importlib.import_module(f"pipeline.cli.commands.{name}").add_parser(verbs)
        else:
            verbs.add_parser(name, help=help_text, add_help=False)
    return parser


def _log(verbose: bool) -> None:
    level = logging.INFO if verbose else logging.ERROR
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pipeline").setLevel(level)


def _complain(verb: str, error: Exception, code: int) -> int:
    print(f"{verb}: {error_line(error)}", file=sys.stderr)
    return code


def run() -> NoReturn:
    """Run the program that was installed as `archive-restoration`, and exit with its code."""
    sys.exit(main())
