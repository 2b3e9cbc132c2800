"""Digests: one email per batch, and the ways it can take."""

from pipeline.digests.channels import Channel, FileChannel, SmtpChannel
from pipeline.digests.message import build_digest
from pipeline.digests.notice import build_notice

__all__ = ["Channel", "FileChannel", "SmtpChannel", "build_digest", "build_notice"]
