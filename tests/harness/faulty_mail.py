"""A mail server that fails on demand, and keeps every message that it received completely."""

from __future__ import annotations

import email
import socketserver
import threading
import time
from collections import Counter
from typing import Any


class FaultyMail:
    """A mail server on loopback.

    Modes: `healthy`; `refuse` (answers 421 to a connection); `later` (451 to the message's data); `hang` (sends no
    greeting); `die` (closes before the message); `swallow` (receives the message, then closes without an answer);
    `mute` (receives the message and never answers); `linger` (receives and confirms it, and never answers again).

    Attributes:
        mode: of the next connections; may be changed at any time.
        messages: received completely, whether confirmed or not, oldest first.
    """

    def __init__(self, mode: str = "healthy", patience: float = 5.0) -> None:
        self.mode, self.patience, self.messages = mode, patience, list[bytes]()
        self.connections = 0
        mail = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                mail.connections += 1
                mode = mail.mode
                if mode == "hang":
                    time.sleep(mail.patience)
                    return
                self.say("421 too busy" if mode == "refuse" else "220 ready")
                while mode != "refuse" and (line := self.rfile.readline()):
                    verb = line.strip().upper().split(b" ")[0]
                    if verb == b"DATA":
                        if mode == "die":
                            return
                        self.say("354 go on")
                        lines: list[bytes] = []
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            lines.append(line)
                        if mode == "later":
                            self.say("451 later")
                            continue
                        mail.messages.append(b"".join(lines))
                        if mode == "mute":
                            time.sleep(mail.patience)
                        if mode in ("swallow", "mute"):
                            return
                        self.say("250 taken")
                        if mode == "linger":
                            time.sleep(mail.patience)
                            return
                    elif verb == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 fine")

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore errors: senders that are killed are expected here."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def max_copies(self) -> int:
        """Return how often the most frequent message was received."""
        counts = Counter(email.message_from_bytes(message)["Message-ID"] for message in self.messages)
        return max(counts.values(), default=0)

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()
