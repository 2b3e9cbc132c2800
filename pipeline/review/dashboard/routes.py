"""The dashboard: how collections and their nights stand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from pipeline.ledger.database import Ledger
from pipeline.ledger.rows import now
from pipeline.review.access import Access, Right, require
from pipeline.review.dashboard.figures import dashboard
from pipeline.review.installation import Installation
from pipeline.review.phrases import language_of


def routes(access: Access, ledger: Ledger, installation: Installation) -> APIRouter:
    """Return the route of the dashboard."""
    router = APIRouter(prefix="/api", dependencies=[Depends(require(access, Right.VIEW))])

    @router.get("/dashboard")
    def overview(request: Request) -> dict[str, Any]:
        """Return what is broken, and how each collection stands."""
        with ledger.read() as session:
            return dashboard(session, installation, language_of(request), now())

    return router
