"""A real S3 server and a proxy in front of it that injects faults."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from s3_bucket import bucket, s3_address, s3_environment

__all__ = ["bucket", "s3_address", "s3_environment"]


@dataclass
class Faults:
    """The faults that the proxy injects.

    Attributes:
        status: returned instead of the server's answer; 0 for none.
        code: S3's error code in that answer.
        methods: HTTP methods that are affected.
        left: how many requests are still affected; negative for all.
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
    """A proxy between client and server; from here on the client reaches the server through it."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen.append(f"{self.command} {self.path}")
            strikes = faults.strikes(self.command)
            if strikes and faults.status:
                answer = f"<Error><Code>{faults.code}</Code><Message>injected</Message></Error>".encode()
                self.send_response(faults.status)
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
                self.wfile.write(content[: faults.cut_after])
                self.close_connection = True
                return
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
    yield faults
    proxy.shutdown()
    proxy.server_close()
