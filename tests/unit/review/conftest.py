"""The review application over a small project: one scan with an open mark, one without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from httpx import ASGITransport, AsyncClient, Response
from small_project import Project, detecting, project

from pipeline.review.access import Right, User
from pipeline.review.application import create_application
from pipeline.review.decisions.redo import Problem

__all__ = ["detecting", "project"]


class FixedAccess:
    """Knows the user by a header: nobody, a viewer, or one who may do everything."""

    sign_in = "/auth/login"

    async def user(self, request: Request) -> User | None:
        name = request.headers.get("x-user")
        rights = {"viewer": {Right.VIEW}, "uwe": {Right.VIEW, Right.DECIDE}, "anna": set(Right), "bert": set(Right)}
        return User(f"id-{name}", name, frozenset(rights[name])) if name else None


@dataclass
class Started:
    """Notes which runs were started."""

    scans: list[tuple[str, str]] = field(default_factory=list)
    failed: Problem | None = None

    def start(self, collection: str, path: str, user: User) -> None:
        self.scans.append((collection, path))

    def problem(self, collection: str, path: str) -> Problem | None:
        return self.failed


@dataclass
class Page:
    """What a browser would do."""

    project: Project
    access: FixedAccess
    application: FastAPI
    started: Started
    run: Callable[..., Any]

    def request(self, method: str, path: str, user: str | None = "anna", **given: Any) -> Response:
        """Returns the answer to a request of a user."""
        headers = {"x-user": user} if user else {}
        headers |= given.pop("headers", {})

        async def send() -> Response:
            transport = ASGITransport(self.application, raise_app_exceptions=False)
            async with AsyncClient(transport=transport, base_url="http://review") as client:
                return await client.request(method, path, headers=headers, **given)

        result: Response = self.run(send())
        return result

    def get(self, path: str, **query: Any) -> Any:
        answer = self.request("GET", f"/api/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def results(self) -> dict[str, dict[str, Any]]:
        return {one["path"]: one for one in self.get("results")["results"]}

    def decide(self, result: dict[str, Any], verdict: str, user: str = "anna") -> Response:
        body = {"version": result["version"], "verdict": verdict}
        return self.request("POST", f"/api/results/{result['id']}/decision", user, json=body)


@pytest.fixture
def page(detecting: Project, tmp_path: Path) -> Iterator[Page]:
    import asyncio

    detecting.put("box/marked.png", 1, painted=False)
    detecting.put("box/painted.png", 2)
    detecting.restore(detecting.receive())
    started = Started()
    application = create_application(access := FixedAccess(), detecting.ledger, tmp_path / "cache", started)
    yield Page(detecting, access, application, started, asyncio.run)
