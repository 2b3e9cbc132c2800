"""Check a collection's files on a schedule, and tell people once what is newly wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import RestorationError
from pipeline.escape import quoted
from pipeline.ledger import TaskContext
from pipeline.preservation.fixity_counts import Found
from pipeline.preservation.fixity_round import Progress, Round, check_output, end_round
from pipeline.settings import Collection
from pipeline.stages.alerts import notify
from pipeline.stages.batch import open_ledger
from pipeline.upkeep.outputs import Output, outputs

if TYPE_CHECKING:
    from pipeline.digests import Channel

# Files that a mail names; the ledger and the log have all of them.
NAMED = 5
ROLES = {
    "master": "the master",
    "derivative": "the derivative",
    "mask": "the mask",
    "suggestions": "the mask of suggestions",
    "access copy": "the access copy",
    "content credentials": "the content credentials",
    "sidecar": "the sidecar",
}
PROBLEMS = {"differs": "differs from its recorded checksum", "missing": "is missing", "unreadable": "cannot be read"}


class FilesChanged(RestorationError):
    """Files differ from the ledger, or are missing; the message names the first of them."""


def check_collection(
    collection: Collection, *, channel: Channel | None, context: TaskContext, progress: Progress | None = None
) -> str:
    """Return a sentence on the files that were read, after all of them were as recorded.

    One mail says what is newly wrong; what was said before is not said again.

    Raises:
        FilesChanged: a file differs, or one is missing that should be there.
        CheckUnderWay: another process checks them.
        StoreUnavailable, or any error of the channel: a retry goes on from there.
    """
    ledger, plan = open_ledger(), collection.fixity
    known = [one for one in outputs(ledger) if one.collection == collection.name]
    here = [one for one in known if one.uri == collection.output.rstrip("/")]
    if not here:
        return "nothing was published yet"
    done = check_output(
        ledger,
        Output(collection.name, here[0].uri, _inboxes(collection, here[0]), here[0].unfinished),
        sample=plan.sample if plan else None,
        bandwidth=plan.bandwidth if plan else None,
        masters=plan.masters if plan else True,
        context=context,
        progress=progress,
    )
    said = describe(done.found)
    if done.found.new:
        # The round's number: a process that is killed after sending does not send again.
        notify(collection, "fixity", f"{done.id}", said, channel=channel, dag_id=context.dag_id, run_id=context.run_id)
    end_round(ledger, done)
    if done.found.failing:
        raise FilesChanged(said)
    return said


def _inboxes(collection: Collection, output: Output) -> list[str]:
    """Return where masters may lie, the collection's present inbox last, which is looked at first."""
    return [*(inbox for inbox in output.inboxes if inbox != collection.inbox), collection.inbox]


def describe(found: Found) -> str:
    """Return what was read and what is wrong, as sentences that `recorded_sentences` knows."""
    parts = [f"files read again: {found.files:,}, of scans: {found.scans:,}"]
    named = found.named[:NAMED]
    parts += [f"{ROLES[one['role']]} of {quoted(one['path'])} {PROBLEMS[one['problem']]}" for one in named]
    rest = found.failing - len(named)
    if rest > 0:
        parts.append(f"further files that are not as recorded: {rest:,}")
    return "; ".join(parts)


def summary(done: Round) -> dict[str, object]:
    """Return a round as figures for machines."""
    return {"collection": done.collection, "output": done.output, "resumed": done.resumed, **vars(done.found)}
