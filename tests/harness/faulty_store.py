"""A real S3 server in this process, and a proxy in front of it that fails at random."""

from __future__ import annotations

import http.client
import logging
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an empty S3 server and give its URL."""
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    # All servers of a process share their contents.
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def s3_access(url: str) -> dict[str, str]:
    """Return the environment variables that lead a client to a server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def new_bucket(url: str, name: str) -> Any:
    """Create a bucket on a server, and return a client of the server."""
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    client.create_bucket(Bucket=name)
    return client


def objects(client: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    """Return the objects below a prefix by key."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


class FaultyStore:
    """A proxy in front of the store that lets requests fail as stores and networks do.

    `500`, `503` (or `refused`): that status, without asking the store. `closed`: closed without an answer. `cut`:
    closed in the middle of the answer, after the store has done what was asked. `upload`: reset in the middle of a
    request with a body. `slow`: the answer comes in slow pieces.

    Args:
        seed: of the random choice.
        share: of the requests that fail, 0 to 1.
        kinds: of failures.

    Attributes:
        faults: number of failures so far.
        healthy: whether no further request fails.
    """

    def __init__(self, server: str, seed: int, share: float, kinds: Sequence[str]) -> None:
        self.random, self.share, self.kinds = random.Random(seed), share, tuple(kinds)
        self.faults, self.healthy = 0, False
        self.address = urlsplit(server).netloc
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                fault = faulty.fault(length)
                if fault == "upload":
                    self.rfile.read(length // 2)
                    # A reset instead of a clean close.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                body = self.rfile.read(length)
                if fault == "slow":
                    time.sleep(faulty.random.uniform(0.05, 0.3))
                if fault in ("500", "503", "refused"):
                    self.send_response(500 if fault == "500" else 503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if fault == "closed":
                    self.close_connection = True
                    return
                server = http.client.HTTPConnection(faulty.address)
                server.request(self.command, self.path, body, dict(self.headers))
                answered = server.getresponse()
                content = answered.read()
                server.close()
                self.send_response(answered.status)
                for key, value in answered.getheaders():
                    if key.lower() not in ("transfer-encoding", "connection", "date", "server"):
                        self.send_header(key, value)
                self.end_headers()
                if fault == "slow":
                    for start in range(0, len(content), max(1, len(content) // 4)):
                        self.wfile.write(content[start : start + max(1, len(content) // 4)])
                        self.wfile.flush()
                        time.sleep(0.05)
                    return
                # A cut after the store has done what was asked: the client cannot know.
                self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
                self.close_connection = fault == "cut"

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the library's names

        class Proxy(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore errors: broken connections are expected here."""

        self.proxy = Proxy(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.proxy.server_port}"
        threading.Thread(target=self.proxy.serve_forever, daemon=True).start()

    def fault(self, length: int) -> str:
        """Return how a request with a body of so many bytes fails; empty for most."""
        if self.healthy or self.random.random() > self.share:
            return ""
        fault = self.random.choice(self.kinds)
        if fault == "upload" and length < 2:
            return ""
        self.faults += 1
        return fault

    def close(self) -> None:
        """Stop listening."""
        self.proxy.shutdown()
        self.proxy.server_close()
