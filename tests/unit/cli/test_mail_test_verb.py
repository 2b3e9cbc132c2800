"""`mail-test` sends one mail through a real server, or says in one line why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mail_server import Mailbox, mailbox

from pipeline.cli import main

__all__ = ["mailbox"]


@pytest.fixture(autouse=True)
def collections(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "collections.yaml").write_text(
        "collections:\n  plates: {inbox: i, output: o, language: de, recipients: [a@example.org, b@example.org]}\n"
        "  silent: {inbox: i, output: p}\n",
        encoding="utf-8",
    )
    yield


def test_a_mail_to_an_address_and_to_a_collection(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mailbox.connection)
    monkeypatch.setenv("RESTORATION_SMTP_SENDER", "restoration@example.org")
    assert main(["mail-test", "anna@example.org"]) == 0
    assert "took a mail from restoration@example.org to anna@example.org" in capsys.readouterr().out
    assert main(["mail-test", "plates", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipients"] == ["a@example.org", "b@example.org"]
    assert mailbox.subjects() == ["Test mail of the photo restoration", "Testmail der Fotorestaurierung"]
    assert [message["To"] for message in mailbox.messages] == ["anna@example.org", "a@example.org, b@example.org"]
    assert "127.0.0.1" in mailbox.messages[0].get_payload(decode=True).decode()


@pytest.mark.parametrize(
    ("server", "recipient", "message"),
    [
        ("", "a@example.org", "no mail server is configured: set AIRFLOW_CONN_SMTP_DEFAULT, e.g. to smtp://user"),
        ("smtp://localhost:1", "a@example.org", "the mail server localhost:1 (no encryption) cannot be reached"),
        ("smtp://localhost:1", "glass", "no collection named 'glass' (known: plates, silent)"),
        ("smtp://localhost:1", "silent", "there are no recipients; name an address, or recipients: in the collection"),
        ("smtp://localhost:1", "a@b@c", "recipient of the digest: 'a@b@c' is not an email address"),
        ("rubbish", "a@example.org", "AIRFLOW_CONN_SMTP_DEFAULT is neither a URI like smtp://user:password"),
    ],
)
def test_what_is_wrong_is_one_line(
    server: str, recipient: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", server)
    assert main(["mail-test", recipient]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
