"""Prove that the ledger was not rewritten: its chains by themselves, and against what reports bear witness to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.errors import ConfigurationError
from pipeline.ledger.database import Ledger
from pipeline.ledger.verify import Fault, Finding, Verification, Witness, collections, verify
from pipeline.stages.ledger_witness import read_witnesses
from pipeline.upkeep.outputs import outputs


def verify_ledger(ledger: Ledger, collection: str = "", heads: Sequence[Witness] = ()) -> Iterator[Verification]:
    """Yield what is found for one collection, or for each and for the ledger as a whole.

    Args:
        heads: of that collection, from paper or mail, besides those in the reports in its outputs.

    Raises:
        ConfigurationError: the ledger does not know the collection.
        StoreUnavailable: ledger or store did not answer.
    """
    with ledger.read() as session:
        known = collections(session)
    if collection and collection not in known:
        raise ConfigurationError(f"the ledger knows no collection {collection!r}")
    everywhere = outputs(ledger)
    for name in [collection] if collection else known:
        mine = {output.uri for output in everywhere if output.collection == name}
        of_others = {
            batch
            for output in everywhere
            if output.collection != name and output.uri in mine
            for batch in output.batches
        }
        witnesses, unreadable = list(heads), []
        for uri in sorted(mine):
            read = read_witnesses(uri, of_others)
            witnesses += read.found
            unreadable += read.unreadable
        with ledger.read() as session:
            found = verify(session, name, witnesses)
        for uri in unreadable:
            found.findings.append(Finding(Fault.WITNESS, 0, f"{uri} is not as the program wrote it"))
        yield found
