"""Refuse requests of other sites, and tell browsers to load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from pipeline.review.phrases import language_of, say

MOST_JSON = 64_000_000
"""Bytes of a request; a painting of three million runs has half of them."""
SAFE = {"GET", "HEAD"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def check_request(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer 403, 413 or 415 to changes that are not JSON, or a file, from our own pages; add the security headers."""
    answer = _refusal(request) or await call_next(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _refusal(request: Request) -> Response | None:
    if request.method in SAFE:
        return None
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        return JSONResponse({"detail": say(language_of(request), "refused.other_site")}, 403)
    # Neither of them can be sent by a form of another site.
    wanted = "application/octet-stream" if request.method == "PUT" else "application/json"
    if request.headers.get("content-type", "").partition(";")[0].strip() != wanted:
        return JSONResponse({"detail": say(language_of(request), "refused.wrong_kind", kind=wanted)}, 415)
    size = request.headers.get("content-length", "")
    if request.method != "PUT" and not (size.isdecimal() and int(size) <= MOST_JSON):
        return JSONResponse({"detail": say(language_of(request), "refused.too_much")}, 413)
    return None
