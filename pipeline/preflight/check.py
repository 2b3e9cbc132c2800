"""Check a whole installation, and say everything that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.escape import error_line
from pipeline.preflight.finding import Finding
from pipeline.preflight.ledger import check_ledger
from pipeline.preflight.mail import check_mail
from pipeline.preflight.places import check_places
from pipeline.preflight.weights import check_weights
from pipeline.settings import Collection, load_collections, settings


@dataclass(frozen=True)
class Report:
    """What was checked: the valid collections, and everything that is wrong."""

    collections: tuple[Collection, ...]
    findings: tuple[Finding, ...]


def check_installation(path: Path | None = None, *, seconds: float = 10.0) -> Report:
    """Return the valid collections of a file, and what is wrong with it, its places, the ledger and the mail server.

    Nothing is restored, created or sent.

    Args:
        path: of the collections file; the installation's by default.
        seconds: how long each place has to answer.

    Raises:
        ConfigurationError: a setting in the environment is invalid.
    """
    path = (path or settings().collections).absolute()
    try:
        found = load_collections(path)
    except ConfigurationError as error:
        collections: tuple[Collection, ...] = ()
        findings = [Finding("collections", error_line(error).removeprefix("collections file "))]
    else:
        collections = found.collections
        findings = [Finding(problem.key, problem.message, problem.line) for problem in found.problems]
    findings += _check_all(collections, seconds)
    return Report(collections, tuple(findings))


def _check_all(collections: tuple[Collection, ...], seconds: float) -> Iterator[Finding]:
    for collection in collections:
        yield from check_places(collection, seconds)
        yield from check_weights(collection, seconds)
    yield from check_ledger(settings().ledger_url, seconds)
    yield from check_mail(collections, seconds)
