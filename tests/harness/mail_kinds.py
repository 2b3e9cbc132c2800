"""Mail servers of each kind: TLS from the start, STARTTLS, or no encryption, with or without a login."""

from __future__ import annotations

import ssl
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from ports import free_port


class Postbox:
    """Keeps the recipients of what arrives; refuses senders that it does not know."""

    def __init__(self) -> None:
        self.arrived: list[list[str]] = []

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address == "stranger@example.org":
            return "550 5.7.1 sender address rejected"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.startswith(("nobody", "later")):
            return "550 5.1.1 unknown" if address.startswith("nobody") else "451 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.arrived.append(list(envelope.rcpt_tos))
        return "250 OK"


class KindServer(Controller):
    """A mail server with TLS from the start, with STARTTLS, or without encryption."""

    def __init__(self, postbox: Postbox, tls: ssl.SSLContext | None, starttls: ssl.SSLContext | None, login: str):
        self.options: dict[str, Any] = {"tls_context": starttls, "require_starttls": starttls is not None}
        if login:
            self.options |= {
                "authenticator": self.check,
                "auth_required": True,
                "auth_require_tls": tls is None and starttls is not None,
            }
        self.login = login
        super().__init__(postbox, hostname="127.0.0.1", port=free_port(), ssl_context=tls)

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self.options)

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=f"{data.login.decode()}:{data.password.decode()}" == self.login, handled=False)
