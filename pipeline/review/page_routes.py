"""The page itself: HTML, scripts and styles from this package, phrases of a language."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response

from pipeline.review.access import Access, Right, User, require
from pipeline.review.message_page import message_page
from pipeline.review.phrases import LANGUAGES, language_of, say
from pipeline.review.phrases import phrases as phrases_of

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
mimetypes.add_type("text/javascript", ".js")


def routes(access: Access, application: FastAPI) -> APIRouter:
    """Return the routes of the page."""
    check = require(access, Right.VIEW)
    viewer = Depends(check)
    router = APIRouter(dependencies=[viewer])
    front = APIRouter()
    files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file()}

    @front.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        if await access.user(request) is None:
            return _sign_in_page(request, access.sign_in)
        await check(request)
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    @router.get("/static/{name:path}", include_in_schema=False)
    def static(name: str) -> Response:
        # Only names that are in the package: no path of a request reaches the disk.
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return FileResponse(files[name], headers={"Cache-Control": "no-cache"})

    @router.get("/openapi.json", include_in_schema=False)
    def interface() -> dict[str, Any]:
        return application.openapi()

    @router.get("/api/me")
    def me(user: User = viewer) -> dict[str, Any]:
        """Return the user and what they may do."""
        return {"id": user.id, "name": user.name, "rights": sorted(user.rights)}

    @router.get("/api/phrases")
    def phrases(request: Request, wanted: str = "") -> dict[str, Any]:
        """Return the phrases of the page in the language asked for, by a parameter or by the browser."""
        code = wanted if wanted in LANGUAGES else language_of(request)
        return {"language": code, "phrases": phrases_of(code)}

    front.include_router(router)
    return front


def _sign_in_page(request: Request, address: str) -> Response:
    """Return a page that leads to where people sign in, and from there back."""
    language = language_of(request)
    if not address:
        return message_page(request, say(language, "open_printed"))
    back = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
    return message_page(request, say(language, "sign_in"), link=f"{address}?next={back}")
