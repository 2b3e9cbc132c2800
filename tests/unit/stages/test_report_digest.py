"""Report and digest of a batch: written whole, sent at most once, through a real mail server."""

from __future__ import annotations

import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import UnconfirmedDelivery
from pipeline.ledger import batches, events
from pipeline.stages import batch_frame
from pipeline.stages.batch import InputVanished, load_batch, open_ledger
from pipeline.stages.digest import digest
from pipeline.stages.reconcile import reconcile
from pipeline.stages.report import report

pytestmark = pytest.mark.slow


@pytest.fixture
def done(project) -> str:
    """The work area of a batch with one picture restored and one file quarantined."""
    project.changes["recipients"] = ("lead@example.org",)
    project.put("a <b>\n.png")
    (project.inbox / "empty.png").write_bytes(b"")
    project.restore(project.receive("b1"))
    return project.work_area("b1")


@pytest.fixture
def without_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the PDF, which these tests of the mail do not need."""
    import pipeline.reports

    def tables_only(frame: pd.DataFrame, batch: Any, previews: Any, target_dir: Path) -> None:
        for name in ("report.pdf", "report.parquet", "report.csv"):
            (target_dir / name).write_bytes(b"%PDF")

    monkeypatch.setattr(pipeline.reports, "write_report", tables_only)


def test_a_report_has_every_file_and_its_pictures(project, done: str) -> None:
    target = Path(report(done))
    assert target == project.output / "reports/b1"
    assert (target / "report.pdf").read_bytes().startswith(b"%PDF")
    table = pd.read_parquet(target / "report.parquet")
    assert sorted(table["outcome"]) == ["quarantined", "restored"]
    assert (target / "report.csv").read_text().count("\n") >= 3
    preview = gather_previews(done)
    assert preview["restored"].before.size == preview["restored"].after.size == preview["restored"].mask.size
    assert preview["quarantined"] is None
    assert report(done) == str(target)


def gather_previews(done: str) -> dict[str, Any]:
    from pipeline.stages import previews

    batch = load_batch(done)
    with open_ledger().read() as session:
        chunks = batch.chunk_uris(batches.get(session, "c", "b1"))
    read = previews.preview_reader(batch)
    return {row["outcome"]: read(row) for row in batch_frame.load_frame(batch, chunks).to_dict("records")}


def test_the_summary_has_the_seconds_of_each_stage(done: str) -> None:
    summary = batch_frame.summarise_batch(load_batch(done))
    assert list(summary.seconds_by_stage) == ["receive", "mask", "inpaint", "measure", "publish"]
    assert all(seconds > 0 for seconds in summary.seconds_by_stage.values())
    assert (summary.batch, summary.collection, summary.code_version) == ("b1", "c", "test")


def test_a_digest_is_sent_once(project, done: str, post, without_pdf) -> None:
    postbox, channel = post
    report(done)
    assert digest(done, channel=channel)["sent"]
    again = digest(done, channel=channel)
    assert again["sent"] and again["why"] == "it was sent by an earlier attempt"
    [message] = postbox.arrived
    assert message["To"] == "lead@example.org"
    kept = message_from_bytes((project.output / "reports/b1/digest.eml").read_bytes(), policy=policy.default)
    assert kept["Message-ID"] == message["Message-ID"] and kept["Subject"] == message["Subject"]


def test_a_refused_digest_may_be_sent_again(done: str, post, without_pdf) -> None:
    postbox, channel = post
    report(done)
    postbox.answer = "451 later"
    with pytest.raises(smtplib.SMTPDataError):
        digest(done, channel=channel)
    postbox.answer = "250 OK"
    assert digest(done, channel=channel)["sent"] and len(postbox.arrived) == 1


def test_the_digest_of_a_batch_that_is_done_is_sent_as_it_was_kept(project, done: str, post, without_pdf) -> None:
    postbox, channel = post
    report(done)
    postbox.answer = "550 no"
    with pytest.raises(smtplib.SMTPException):
        digest(done, channel=channel)
    reconcile(done)
    postbox.answer = "250 OK"
    found = digest(done, channel=channel, recipients=("corrected@example.org",))
    assert found["sent"] and found["recipients"] == ["corrected@example.org"]
    [message] = postbox.arrived
    kept = message_from_bytes((project.output / "reports/b1/digest.eml").read_bytes(), policy=policy.default)
    assert message["To"] == "corrected@example.org" and message["Message-ID"] == kept["Message-ID"]
    assert digest(done, channel=channel)["why"] == "it was sent by an earlier attempt"
    (project.output / "reports/b1/digest.eml").unlink()
    with pytest.raises(InputVanished, match="its digest was removed"):
        digest(done, channel=channel)


def test_a_digest_interrupted_while_sending_is_not_sent_again(project, done: str, post, without_pdf) -> None:
    postbox, channel = post
    report(done)

    class Dying:
        def send(self, message: EmailMessage) -> None:
            channel.send(message)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest(done, channel=Dying())
    found = digest(done, channel=channel)
    assert not found["sent"] and "not sent twice" in found["why"] and len(postbox.arrived) == 1
    with project.ledger.read() as session:
        batch = batches.get(session, "c", "b1")
        said = [event.decision for event in events.of_batch(session, batch.id, "digest")]
    assert said == ["sending", "written"]


def test_a_digest_that_may_have_arrived_is_not_sent_again(project, done: str, post, without_pdf) -> None:
    _, channel = post

    class Silent:
        def send(self, message: EmailMessage) -> None:
            raise UnconfirmedDelivery("the mail server stopped answering")

    first = digest(done, channel=Silent())
    assert not first["sent"] and "stopped answering" in first["why"] and "not sent twice" in first["why"]
    again = digest(done, channel=channel)
    assert not again["sent"] and "did not confirm an earlier attempt" in again["why"]
    with project.ledger.read() as session:
        said = [event.decision for event in events.of_batch(session, batches.get(session, "c", "b1").id, "digest")]
    assert said == ["sending", "unclear", "written"]


@pytest.mark.parametrize(("recipients", "why"), [((), "no recipients"), (("a@b.c",), "no mail server")])
def test_without_recipients_or_server_it_is_written(
    project, without_pdf, recipients: tuple[str, ...], why: str
) -> None:
    project.changes["recipients"] = recipients
    project.put("a.png")
    project.restore(project.receive("b1"))
    report(project.work_area("b1"))
    found = digest(project.work_area("b1"))
    assert not found["sent"] and why in found["why"]
    assert found["eml"] == f"{project.output}/reports/b1/digest.eml" and Path(found["eml"]).exists()
