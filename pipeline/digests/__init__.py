"""Digests: one email per batch, notices while a batch waits, stops or is late, and the mail server that takes them."""

from pipeline.digests.channel import Channel
from pipeline.digests.mail_server import MailServer, mail_server, parse_mail_server
from pipeline.digests.message import build_digest
from pipeline.digests.notice import build_notice
from pipeline.digests.smtp_channel import SmtpChannel
from pipeline.digests.test_mail import build_test_mail

__all__ = [
    "Channel",
    "MailServer",
    "SmtpChannel",
    "build_digest",
    "build_notice",
    "build_test_mail",
    "mail_server",
    "parse_mail_server",
]
