"""A real S3 server (moto) and a proxy in front of it that can be told to misbehave."""

from __future__ import annotations

import http.client
import logging
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def s3_address() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def s3_environment(monkeypatch: pytest.MonkeyPatch, s3_address: tuple[str, int]) -> str:
    endpoint = "http://{}:{}".format(*s3_address)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    return endpoint


@pytest.fixture
def bucket(s3_environment: str) -> str:
    """The URI of a new, empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=s3_environment).create_bucket(Bucket=name)
    return f"s3://{name}"


@dataclass
class Faults:
    """What the proxy does to the requests it gets.

    Attributes:
        status: answered instead of asking the server; 0 for none.
        code: S3's error code that goes with it.
        methods: that are met.
        left: how many requests are still met; below zero, all.
        cut_after: bytes of an answer after which the connection is closed; 0 for none.
        seen: method and path of all requests.
    """

    status: int = 0
    code: str = "InternalError"
    methods: tuple[str, ...] = ("GET", "PUT", "POST", "HEAD", "DELETE")
    left: int = -1
    cut_after: int = 0
    seen: list[str] = field(default_factory=list)

    def strikes(self, method: str) -> bool:
        if method not in self.methods or self.left == 0 or not (self.status or self.cut_after):
            return False
        self.left -= 1
        return True


@pytest.fixture
def faults(s3_address: tuple[str, int], bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A proxy between client and server; the server itself is reached through it from here on."""
    told = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.seen.append(f"{self.command} {self.path}")
            strikes = told.strikes(self.command)
            if strikes and told.status:
                answer = f"<Error><Code>{told.code}</Code><Message>as told</Message></Error>".encode()
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer if self.command != "HEAD" else b"")
                return
            server = http.client.HTTPConnection(*s3_address)
            server.request(self.command, self.path, body, dict(self.headers))
            answered = server.getresponse()
            content = answered.read()
            self.send_response(answered.status)
            for key, value in answered.getheaders():
                if key.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(key, value)
            self.end_headers()
            if strikes:
                self.wfile.write(content[: told.cut_after])
                self.close_connection = True
                return
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
    yield told
    proxy.shutdown()
    proxy.server_close()
