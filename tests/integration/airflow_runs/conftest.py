"""What several of these tests share."""

from __future__ import annotations

from mail_server import mailbox

__all__ = ["mailbox"]
