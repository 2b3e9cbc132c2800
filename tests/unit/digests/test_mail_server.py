"""The address of a mail server is read as Airflow writes it; encryption follows from the port."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.digests.mail_server import Security, parse_mail_server
from pipeline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("uri", "port", "security"),
    [
        ("smtp://user:password@mail.example.org:587", 587, Security.STARTTLS),
        ("smtp://user:password@mail.example.org", 587, Security.STARTTLS),
        ("smtp://mail.example.org:25", 25, Security.STARTTLS),
        ("smtp://user:password@mail.example.org:465", 465, Security.TLS),
        ("smtps://user:password@mail.example.org", 465, Security.TLS),
        ("smtps://user:password@mail.example.org:8465", 8465, Security.TLS),
        ("smtp://127.0.0.1:1025", 1025, Security.NONE),
        ("smtp://localhost", 25, Security.NONE),
        ("smtp://relay.example.org:25?disable_tls=true", 25, Security.NONE),
        ("smtp://localhost:587?disable_tls=false", 587, Security.STARTTLS),
    ],
)
def test_the_port_says_how_a_connection_is_encrypted(uri: str, port: int, security: Security) -> None:
    server = parse_mail_server(uri)
    assert (server.port, server.security) == (port, security)


@pytest.mark.parametrize(
    ("port", "extra", "security"),
    [
        (465, {}, Security.TLS),
        (587, {"disable_ssl": True}, Security.STARTTLS),
        (2525, {"disable_ssl": False}, Security.TLS),
        (25, {"disable_ssl": True, "disable_tls": True}, Security.NONE),
        (25, '{"disable_ssl": true, "disable_tls": true}', Security.NONE),
    ],
)
def test_connections_in_json_mean_what_they_meant(port: int, extra: Any, security: Security) -> None:
    document = {"conn_type": "smtp", "host": "mail.example.org", "port": port, "login": "u", "extra": extra}
    server = parse_mail_server(json.dumps(document))
    assert (server.host, server.port, server.user, server.security) == ("mail.example.org", port, "u", security)


def test_a_password_may_hold_any_character_and_is_never_shown() -> None:
    server = parse_mail_server("smtp://reading%40room:p%40ss%2Fw%3Aord@mail.example.org:587")
    assert (server.user, server.password) == ("reading@room", "p@ss/w:ord")
    assert "p@ss" not in f"{server} {server!r}"


@pytest.mark.parametrize(
    "text",
    ["", "mail.example.org", "smtp://", "smtp://host:port", "http://host:25", "{", "[]", "{}", '{"host": ""}',
     '{"host": "h", "port": "x"}', '{"host": "h", "extra": "["}', "smtp://secret:secret@host:587?timeout=soon",
     "smtp://secret:secret@host:587?disable_ssl=perhaps"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_SMTP_DEFAULT") as refused:
        parse_mail_server(text)
    assert "secret" not in str(refused.value)
