"""Uploads: what a collection takes, one file at a time, and the end of a delivery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pipeline import storage
from pipeline.errors import RestorationError
from pipeline.inbox.upload_names import safe_name
from pipeline.ledger.database import Ledger
from pipeline.review.access import Access, Right, User, require
from pipeline.review.installation import Installation
from pipeline.review.phrases import language_of
from pipeline.review.refusals import CutOff, NameTaken, Refusal
from pipeline.review.upload import take
from pipeline.settings import Collection, settings

AT_ONCE = 8
"""Files that are taken at the same time; others wait, and the server's other work does not."""
SILENCE = 60.0
"""Seconds after which an upload of which nothing more arrives is cut off."""
Text = Annotated[str, Field(max_length=4000)]


class Offered(BaseModel):
    """A file that somebody wants to upload."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    size: int = Field(ge=0)


class Delivery(BaseModel):
    """Files that belong together."""

    model_config = ConfigDict(extra="forbid")

    folder: Text
    files: list[Offered] = Field(max_length=5000)


class Finished(BaseModel):
    """A delivery of which every file has arrived."""

    model_config = ConfigDict(extra="forbid")

    folder: Text


def routes(access: Access, ledger: Ledger, installation: Installation) -> APIRouter:
    """Return the routes that take uploads."""
    router = APIRouter(prefix="/api/inboxes")
    viewer, operator = Depends(require(access, Right.VIEW)), Depends(require(access, Right.OPERATE))
    # Threads of their own: uploads that take minutes must not hold up what takes milliseconds.
    threads = ThreadPoolExecutor(AT_ONCE, "upload")

    def find(collection: str) -> Collection:
        for one in installation.collections().collections:
            if one.name == collection:
                return one
        raise LookupError(f"there is no collection {collection}")

    @router.get("", dependencies=[viewer])
    def inboxes() -> dict[str, Any]:
        """Return the collections that take uploads, and the largest file in bytes."""
        found = installation.collections()
        return {
            "inboxes": [{"name": one.name, "title": one.label} for one in found.collections],
            "limit": size_limit(),
        }

    @router.post("/{collection}/check")
    def check(request: Request, collection: str, wanted: Delivery, _: User = operator) -> dict[str, Any]:
        """Return what would become of files: under which name they are kept, which are there, which are not taken."""
        inbox, folder = find(collection), safe_name(wanted.folder)
        place = storage.join(inbox.inbox, folder)
        take.refuse_closed(inbox, folder)
        storage.check_writable(inbox.inbox)
        with suppress(RestorationError):
            # What a server that was killed has left; no listing shows it.
            storage.sweep(place)
        there = {one.path: one.size for one in storage.list_files(place)} if storage.exists(place) else {}
        found = []
        for one in wanted.files:
            told: dict[str, Any] = {"name": one.name, "kept_as": safe_name(one.name), "there": False, "refused": ""}
            try:
                target = take.target_of(inbox, folder, one.name, one.size, size_limit())
                if target.name in there and there[target.name] != one.size:
                    raise NameTaken("upload.taken", name=target.name, folder=folder)
                told["there"] = target.name in there
            except Refusal as error:
                told["refused"] = error.said(language_of(request))
            found.append(told)
        return {"folder": folder, "files": found}

    @router.put("/{collection}/files")
    async def upload(
        request: Request,
        collection: str,
        folder: Annotated[str, Query(max_length=4000)],
        name: Annotated[str, Query(max_length=4000)],
        content_length: Annotated[int, Header(ge=0)],
        user: User = operator,
    ) -> dict[str, Any]:
        """Take one file, whole or not at all; an upload that was cut off is repeated."""
        loop = asyncio.get_running_loop()
        blocks = _blocks(request.stream().__aiter__(), loop, name)

        def store() -> tuple[take.Target, bool]:
            target = take.target_of(find(collection), folder, name, content_length, size_limit())
            return target, take.store(ledger, target, blocks, content_length, user)

        target, new = await loop.run_in_executor(threads, store)
        return {"folder": target.folder, "kept_as": target.name, "new": new}

    @router.post("/{collection}/finish")
    def finish(collection: str, wanted: Finished, user: User = operator) -> dict[str, Any]:
        """Mark a delivery as complete, so that the watch takes it as one."""
        inbox, folder = find(collection), safe_name(wanted.folder)
        take.refuse_closed(inbox, folder)
        if not storage.exists(storage.join(inbox.inbox, folder)):
            raise LookupError(f"there is no delivery {folder}")
        return {"marker": take.complete(ledger, inbox, folder, user)}

    return router


def size_limit() -> int:
    """Return the bytes of the largest file that is taken: uploads have a limit, and so have scans."""
    current = settings()
    return int(min(current.upload_megabytes, current.max_megabytes) * 1e6)


def _blocks(stream: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop, name: str) -> Iterator[bytes]:
    """Yield what arrives, in a thread beside the server's loop.

    Raises:
        CutOff: the connection broke, or nothing more arrives.
    """

    async def following() -> bytes | None:
        return await anext(stream, None)

    while True:
        try:
            block = asyncio.run_coroutine_threadsafe(following(), loop).result(SILENCE)
        except Exception as error:  # of whatever kind the server has for a broken connection
            raise CutOff("upload.cut", name=name) from error
        if block is None:
            return
        yield block
