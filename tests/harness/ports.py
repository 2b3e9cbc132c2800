"""Ports on loopback for servers of tests."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port that no program uses now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
