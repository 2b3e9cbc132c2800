"""Tell the history of scans, as the ledger has it, in PREMIS.

One event of the ledger may be several of PREMIS: receiving a scan is its ingestion, the calculation of its digest and
the identification of its format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from pipeline.ledger import Outcome
from pipeline.ledger.chain import moment
from pipeline.ledger.history import History
from pipeline.ledger.outcome_files import files_of
from pipeline.ledger.tables import Batch, Event, OutcomeRow, Scan
from pipeline.provenance.events import EventType
from pipeline.provenance.identifiers import identifier
from pipeline.provenance.premis import Link, PremisAgent, PremisEvent, PremisFile, PremisWriter, Relation
from pipeline.provenance.pronom import file_format, format_written

PROGRAM = "archive-restoration"
# What the ledger's decisions are called in PREMIS; a decision that is not listed is given as it is.
OUTCOMES = {
    **dict.fromkeys(("taken", "fill", "done", "restored", "unchanged", "repeated", "recognised"), "success"),
    **dict.fromkeys(("received", "master intact", "intact", "accept", "repaint", "later", "undo", "reject"), "success"),
    "review": "warning",
    **dict.fromkeys(("quarantined", "failed", "differs", "missing", "unreadable"), "fail"),
}
DETAILS = {
    "upload": "brought into the inbox by a person",
    "receive": "sha256 of the whole file calculated on receipt",
    "mask": "file decoded completely; damage looked for, and marked",
    "inpaint": "pixels under the mask filled in by software; every other pixel is left as it is",
    "measure": "result compared with the master, or its quality estimated",
    "publish": "restoration: the results were written, a derivative where damage was filled in",
    "fixity": "sha256 of the files calculated again, and compared with the ledger",
    "review": "looked at, and decided, by a person",
}
# Files that document a derivative instead of being made of the master's pixels.
DOCUMENTS = {"sidecar", "content credentials"}
# A derivative before it was published again is known by its digest alone.
RESTORED_SHA256, RESTORED_BYTES = "restored_sha256", "restored_bytes"


def write_premis(target: BinaryIO, histories: Iterable[History]) -> int:
    """Write one PREMIS document on scans and return their number; memory does not grow with it.

    Raises:
        ValueError: there is no history; PREMIS has no empty document.
    """
    count = 0
    with PremisWriter(target) as writer:
        for one in histories:
            tell_premis(writer, one)
            count += 1
        if not count:
            raise ValueError("there is no scan to write PREMIS about")
    return count


def tell_premis(writer: PremisWriter, history: History) -> None:
    """Write the history of one scan into a document that others share."""
    writer.write(*_Teller(history).records())


def master_identifier(scan: Scan) -> str:
    """Return the identifier of a master.

    The same file in two collections, or received again after it was replaced, is another one: the moment of its receipt
    tells them apart, which stays when a collection is renamed or a ledger is restored.
    """
    return identifier("master", scan.path, scan.sha256, moment(scan.first_seen))


@dataclass
class _Made:
    """A file that was made from a master.

    Attributes:
        role: as `ledger.outcome_files` names it.
        event: identifier of its creation; empty where the ledger does not have it.
    """

    role: str
    sha256: str
    uri: str = ""
    size: int | None = None
    version: str = ""
    event: str = ""
    at: datetime | None = None
    events: list[str] = field(default_factory=list)
    identifier: str = ""


class _Teller:
    """Tells the history of one scan."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.master = master_identifier(history.scan)
        self.master_events: list[str] = []
        self.made: dict[tuple[str, str], _Made] = {}
        self.events: list[PremisEvent] = []
        self.agents: dict[str, PremisAgent] = {}

    def records(self) -> tuple[Iterable[PremisFile], Iterable[PremisEvent], Iterable[PremisAgent]]:
        """Return objects, events and agents."""
        for event in self.history.events:
            self._know_derivative(event)
        for outcome in self.history.outcomes:
            self._know_files(outcome)
        for event in self.history.events:
            self._tell(event)
        return list(self._files()), self.events, self.agents.values()

    def _know_derivative(self, event: Event) -> None:
        """Note the derivative that an event of publishing names, which a later one may have replaced."""
        sha256 = event.figures.get(RESTORED_SHA256)
        if event.stage == "publish" and sha256:
            self._made("derivative", str(sha256)).size = event.figures.get(RESTORED_BYTES)

    def _know_files(self, outcome: OutcomeRow) -> None:
        for role, uri, sha256 in files_of(outcome):
            made = self._made(role, sha256)
            made.uri, made.version, made.at = uri, outcome.code_version, outcome.recorded
            made.size = (outcome.restored_bytes if role == "derivative" else 0) or made.size

    def _made(self, role: str, sha256: str) -> _Made:
        made = self.made.setdefault((role, sha256), _Made(role, sha256))
        made.identifier = made.identifier or identifier(role, self.master, sha256)
        return made

    def _tell(self, event: Event) -> None:
        """Add what PREMIS says of one event of the ledger."""
        batch = self.history.batches.get(event.batch_id) if event.batch_id else None
        if event.stage == "receive" and event.kind == EventType.DIGEST:
            received = event.figures.get("format") or "no format that is read here"
            self._add(event, batch, EventType.INGESTION, f"taken from the inbox as {self.history.scan.path}", bare=True)
            self._add(event, batch, EventType.FORMAT, f"by its first bytes and header: {received}", bare=True)
        decoded = event.stage == "mask" and event.decision not in (Outcome.QUARANTINED, Outcome.FAILED)
        if decoded or (event.stage in ("receive", "mask") and event.decision == Outcome.QUARANTINED):
            # A file counts as valid when a decoder has read all of it.
            self._add(event, batch, EventType.VALIDATION, "decoded completely, or as far as it could be", bare=True)
        detail = DETAILS.get(event.stage, event.stage)
        if event.stage == "publish" and event.kind == EventType.FIXITY:
            detail = "sha256 of the master calculated again before anything was published, and compared"
        self._add(event, batch, event.kind or event.stage, detail)

    def _add(self, event: Event, batch: Batch | None, kind: str, detail: str, *, bare: bool = False) -> None:
        """Add one event.

        Args:
            bare: without figures, which another PREMIS event of the same event has.
        """
        place = (str(event.position), event.previous or "")
        name = identifier("event", self.master, *place, str(kind))
        where = [f"batch {batch.name}"] if batch else []
        if event.dag_id:
            where.append(f"task {event.dag_id}/{event.run_id}/{event.task_id}, attempt {event.try_number}")
        where += [f"host {event.host}"] if event.host else []
        figures = {} if bare else {key: _as_text(value) for key, value in event.figures.items()}
        if not bare:
            # With it the event is found in the chain that `trace --verify` proves.
            figures |= {"seconds": f"{event.seconds:.3f}", "ledger_position": place[0], "ledger_previous": place[1]}
        self.events.append(
            PremisEvent(
                name,
                str(kind),
                event.at,
                "; ".join([detail, *where]),
                figures,
                _outcome(event),
                ": ".join(filter(None, (event.decision, event.message))),
                list(self._agents_of(event, batch)),
                list(self._objects_of(event, name, str(kind))),
            )
        )

    def _objects_of(self, event: Event, name: str, kind: str) -> Iterator[Link]:
        """Yield the objects of an event, and note the event with them."""
        made = [self.made[key] for key in self._files_of(event) if key in self.made]
        creates = event.stage == "publish" and kind == EventType.CREATION
        read_again = event.stage == "fixity" and "master" in dict(self._files_of(event))
        if not made or creates or read_again:
            self.master_events.append(name)
            yield Link(self.master, ["source"])
        for one in made:
            one.events.append(name)
            if creates:
                # Of several attempts the last one wrote what is there.
                one.event = name
            yield Link(one.identifier, ["outcome" if creates else "source"])

    def _files_of(self, event: Event) -> list[tuple[str, str]]:
        """Return role and sha256 of the files that an event is about besides the master."""
        if event.stage == "review":
            return [("derivative", str(event.figures.get("seen", "")))]
        if event.stage == "fixity":
            # Of what differs, the file that it should be.
            wrong = {str(one["file"]): str(one["expected"]) for one in event.figures.get("wrong", ())}
            return list({**event.figures.get("sha256", {}), **wrong}.items())
        if event.stage != "publish" or event.kind != EventType.CREATION:
            return [(role, sha256) for role, sha256 in self.made if sha256 == event.figures.get("sha256")]
        restored = str(event.figures.get(RESTORED_SHA256, ""))
        others = [
            (role, sha256)
            for outcome in self.history.outcomes
            if outcome.restored_sha256 == restored and outcome.batch_id == event.batch_id
            for role, _, sha256 in files_of(outcome)
            if role != "derivative"
        ]
        return [("derivative", restored), *others]

    def _agents_of(self, event: Event, batch: Batch | None) -> Iterator[Link]:
        """Yield the agents of an event, and note them."""
        if user := event.figures.get("user"):
            name = str(event.figures.get("name") or user)
            roles = ["authorizer" if event.kind == EventType.WITHDRAWAL else "implementer"]
            roles += ["reviewer"] if event.stage == "review" else []
            yield self._agent(PremisAgent(identifier("person", str(user)), name, "person", local=str(user)), roles)
        if batch is None:
            if version := event.figures.get("program"):
                yield self._program(PROGRAM, str(version))
            return
        if not user:
            yield self._program(PROGRAM, batch.code_version)
        digest, _, rest = batch.engine_digest.partition(" ")
        if event.stage == "inpaint" or (event.stage == "publish" and event.figures.get(RESTORED_SHA256)):
            weights = str(batch.recipe.get("weights", "")) if batch.engine in ("rn", "dcgan-digits") else ""
            note = f"weights {weights}, sha256 {digest}" if batch.engine == "rn" else f"digest {digest}"
            yield self._program(f"inpainting engine {batch.engine}", digest, note)
        if event.stage == "mask":
            detector = str(batch.recipe.get("detector", ""))
            yield self._program(f"damage detector {detector}", rest.partition(" ")[0], f"its rules: {rest}")

    def _program(self, name: str, version: str, *notes: str) -> Link:
        agent = PremisAgent(identifier("software", name, version), name, "software", version, notes=notes)
        return self._agent(agent, ["executing program"])

    def _agent(self, agent: PremisAgent, roles: list[str]) -> Link:
        self.agents.setdefault(agent.identifier, agent)
        return Link(agent.identifier, roles)

    def _files(self) -> Iterator[PremisFile]:
        """Yield the master and every file that was made from it."""
        scan = self.history.scan
        pixels = {
            "width": scan.width,
            "height": scan.height,
            "channels": scan.channels,
            "bits per channel": scan.bit_depth,
        }
        batch = next(iter(self.history.batches.values()), None)
        yield PremisFile(
            self.master,
            file_format(scan.format, scan.bytes),
            scan.sha256,
            scan.bytes,
            scan.path,
            f"{batch.inbox.rstrip('/')}/{scan.path}" if batch else "",
            properties={name: str(value) for name, value in pixels.items() if value},
            relations=[self._relation(one, made=False) for one in self.made.values()],
            events=self.master_events,
        )
        for one in self.made.values():
            yield PremisFile(
                one.identifier,
                format_written(one.role, one.uri, one.size) if one.uri else file_format(""),
                one.sha256,
                one.size,
                location=one.uri,
                application=(PROGRAM, one.version, one.at) if one.at else None,
                properties={"role": one.role},
                relations=[self._relation(one, made=True)],
                events=one.events,
            )

    def _relation(self, one: _Made, *, made: bool) -> Relation:
        """Return the relationship between the master and a file, from the file's side or from the master's."""
        if one.role in DOCUMENTS:
            kind, subtypes = "reference", ("is documented in", "documents")
        else:
            kind, subtypes = "derivation", ("is source of", "has source")
        return Relation(kind, subtypes[made], self.master if made else one.identifier, one.event)


def _outcome(event: Event) -> str:
    """Return the outcome of an event in the words of PREMIS; a decision that has none is given as it is."""
    if event.stage == "fixity":
        return "success" if event.decision == "intact" else "fail"
    return OUTCOMES.get(event.decision, event.decision)


def _as_text(value: Any) -> str:
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, Mapping | list | bool) or value is None
        else str(value)
    )
