"""Digests: one email per batch, and notices while a batch waits, stops or is late."""

from pipeline.digests.channel import Channel
from pipeline.digests.message import build_digest
from pipeline.digests.notice import build_notice

__all__ = ["Channel", "build_digest", "build_notice"]
