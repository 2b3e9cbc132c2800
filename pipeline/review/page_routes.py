"""The page itself: HTML, scripts and styles from this package, phrases of a language."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi.responses import FileResponse, Response

from pipeline.review.access import Access, Right, User, require

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
LANGUAGES = ("en", "de")
mimetypes.add_type("text/javascript", ".js")


def routes(access: Access, application: FastAPI, language: str) -> APIRouter:
    """Return the routes of the page."""
    viewer = Depends(require(access, Right.VIEW))
    router = APIRouter(dependencies=[viewer])
    files = {str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file()}

    @router.get("/", include_in_schema=False)
    def page() -> Response:
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
    def phrases(accept_language: Annotated[str, Header()] = "", wanted: str = "") -> dict[str, Any]:
        """Return the phrases of the page in the language asked for, by a parameter or by the browser."""
        code = wanted if wanted in LANGUAGES else _preferred(accept_language, language)
        return {"language": code, "phrases": yaml.safe_load((FOLDER / "languages" / f"{code}.yaml").read_text("utf-8"))}

    return router


def _preferred(header: str, default: str) -> str:
    """Return the first language of the browser's list that there is."""
    for part in header.split(","):
        code = part.partition(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return default
