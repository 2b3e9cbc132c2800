"""Count the finished scans that an earlier recipe, software or weights made, and what the next run does with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, select

from pipeline.inbox.redo import RedoRule
from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import pages
from pipeline.ledger.scans import find_matches
from pipeline.ledger.tables import Scan
from pipeline.settings import Collection
from pipeline.stages import models


@dataclass
class Outdated:
    """The finished scans of one collection.

    Attributes:
        finished: how many there are.
        kept: how many of them are outdated and stay as they are.
        again: how many are done again by the next run, by reason; as far as their files still lie in the inbox.
    """

    collection: Collection
    finished: int = 0
    kept: int = 0
    again: Counter[str] = field(default_factory=Counter)


def find_outdated(ledger: Ledger, collection: Collection) -> Outdated:
    """Return what became outdated since a collection's scans were finished; nothing is listed or read in its inbox.

    Raises:
        ConfigurationError, WeightsError: engine or detector cannot be loaded.
        StoreUnavailable: the ledger did not answer.
    """
    digest = collection.recipe.digest(models.digests(collection.recipe))
    rule = RedoRule(collection.redo, collection.recipe, digest)
    found = Outdated(collection)
    with ledger.read() as session:
        paths = session.scalars(
            select(Scan.path).where(Scan.collection == collection.name).group_by(Scan.path).order_by(func.min(Scan.id))
        ).all()
        for page in pages(paths):
            for matches in find_matches(session, collection.name, page, digest).values():
                for match in (match for match in matches if match.outcome):
                    found.finished += 1
                    why = rule.again_for_version(match)
                    if why is not None:
                        found.again[str(why)] += 1
                    elif rule.is_outdated(match):
                        found.kept += 1
    return found
