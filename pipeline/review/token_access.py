"""A single user on this machine, let in by a token in the address that was printed; it becomes a cookie."""

from __future__ import annotations

import getpass
import hmac
import secrets
import threading

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from pipeline.review.access import Right, User
from pipeline.review.message_page import message_page
from pipeline.review.phrases import language_of, say

COOKIE = "restoration_review"


class TokenAccess:
    """Lets in whoever opens the printed address first: the token is used up by it."""

    sign_in = ""

    def __init__(self) -> None:
        # Cookies do not tell ports apart: a second server must not sign the first one's reader out.
        self._cookie = f"{COOKIE}_{secrets.token_hex(4)}"
        self.token: str = secrets.token_urlsafe(24)
        self._using = threading.Lock()
        self._session = secrets.token_urlsafe(32)
        self._user = User(_login_name(), _login_name(), frozenset(Right))

    async def user(self, request: Request) -> User | None:
        """Return the user of this machine for a request with the cookie."""
        cookie = request.cookies.get(self._cookie, "")
        return self._user if hmac.compare_digest(cookie.encode(), self._session.encode()) else None

    def login(self, request: Request, token: str) -> Response:
        """Return the answer that sets the cookie; a page that says why not where the token is wrong or was used."""
        with self._using:
            if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
                return message_page(request, say(language_of(request), "refused.token"))
            self.token = ""
        answer = RedirectResponse("./", 303)
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict", path="/")
        return answer


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "reviewer"
