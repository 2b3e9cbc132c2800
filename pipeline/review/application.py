"""Make the review application from a ledger, a cache of tiles, and a way to know the user."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from pipeline.errors import OutputNotWritable, RestorationError, StoreUnavailable
from pipeline.ledger.database import Ledger
from pipeline.review import page_routes, picture_routes, queue_routes
from pipeline.review.access import Access
from pipeline.review.dashboard import routes as dashboard_routes
from pipeline.review.decisions import routes as decision_routes
from pipeline.review.decisions.finish_interrupted import finish_latest
from pipeline.review.decisions.redo import Redo
from pipeline.review.installation import Installation, StandaloneInstallation
from pipeline.review.phrases import language_of, say
from pipeline.review.pictures.tiles import TileStore
from pipeline.review.refusals import Refusal
from pipeline.review.request_checks import check_request
from pipeline.review.token_access import TokenAccess
from pipeline.review.upload import routes as upload_routes

STATUS: dict[type[Exception], int] = {
    StoreUnavailable: 503,
    OutputNotWritable: 507,
    FileNotFoundError: 404,
    LookupError: 404,
    # A number that no database holds is no id.
    OverflowError: 404,
    ValueError: 422,
}


def create_application(
    access: Access,
    ledger: Ledger,
    cache: Path,
    redo: Redo,
    *,
    installation: Installation | None = None,
    language: str = "en",
) -> FastAPI:
    """Return the application; every route asks `access` for the user, except the login of a token.

    Args:
        access: who the user of a request is.
        ledger: with the results.
        cache: folder for tiles of the pictures that are looked at.
        redo: starts the run that fills a decided mask.
        installation: collections and their runs; by default those of a collections file, without a scheduler.
        language: `en` or `de`, where the browser asks for none of them.
    """
    application = FastAPI(title="Restoration review", docs_url=None, redoc_url=None, openapi_url=None)
    application.state.language = language
    application.middleware("http")(check_request)
    # A store that answers slowly must not keep people waiting.
    threading.Thread(target=finish_latest, args=(ledger,), name="finish decisions", daemon=True).start()
    tiles = TileStore(cache)
    application.include_router(page_routes.routes(access, application))
    application.include_router(queue_routes.routes(access, ledger))
    application.include_router(picture_routes.routes(access, ledger, tiles, redo))
    application.include_router(decision_routes.routes(access, ledger, redo))
    installation = installation or StandaloneInstallation()
    application.include_router(dashboard_routes.routes(access, ledger, installation))
    application.include_router(upload_routes.routes(access, ledger, installation))
    if isinstance(access, TokenAccess):
        application.add_api_route("/login", access.login, methods=["GET"], include_in_schema=False)
    application.add_exception_handler(Refusal, _refused)
    for kind, status in STATUS.items():
        application.add_exception_handler(kind, _handler(status))
    return application


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    known = {name: value for name, value in error.values.items() if name == "version"}
    return JSONResponse({"detail": error.said(language_of(request)), **known}, error.status)


def _handler(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        plain = isinstance(error, RestorationError | ValueError)
        text = str(error) if plain else say(language_of(request), "refused.nothing_there")
        return JSONResponse({"detail": text}, status)

    return answer
