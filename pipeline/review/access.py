"""Who may do what: the user of a request, and the rights that a route asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fastapi import Request

from pipeline.review.refusals import Forbidden, SignInFirst


class Right(StrEnum):
    """What a user may do.

    Attributes:
        VIEW: see scans, results and decisions.
        DECIDE: accept, reject, paint.
        OPERATE: start runs, upload.
    """

    VIEW = "view"
    DECIDE = "decide"
    OPERATE = "operate"


@dataclass(frozen=True)
class User:
    """A signed-in person.

    Attributes:
        id: as decisions record it.
        name: shown to others.
    """

    id: str
    name: str
    rights: frozenset[Right]


class Access(Protocol):
    """A way to know the user of a request: Airflow's, or a token's."""

    @property
    def sign_in(self) -> str:
        """Address where people sign in, relative to the server's root; empty where there is none."""
        ...

    async def user(self, request: Request) -> User | None:
        """Return the user, None for a request without one."""
        ...


def require(access: Access, right: Right) -> Callable[[Request], Awaitable[User]]:
    """Return a dependency that yields the user of a request.

    It answers 401 without a user, and 403 where the user may not do this.
    """

    async def dependency(request: Request) -> User:
        user = await access.user(request)
        if user is None:
            raise SignInFirst("sign_in")
        if right not in user.rights:
            raise Forbidden(f"right.{right}", name=user.name)
        return user

    return dependency
