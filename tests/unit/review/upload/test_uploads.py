"""Uploads: whole files only, never over another one, one delivery for the watch, and only what the inbox takes."""

from __future__ import annotations

import io
import json
import os
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn
from image_files import png
from ports import free_port
from s3_bucket import bucket, s3_address, s3_environment
from small_project import damaged, published
from sqlalchemy import select

from pipeline import storage
from pipeline.ledger.tables import Event
from pipeline.settings import load_collections, settings

__all__ = ["bucket", "s3_address", "s3_environment"]

FILES = "/api/inboxes/c/files"


@pytest.fixture
def inbox(page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The inbox of a watched collection, in a collections file."""
    return use_inbox(page, str(tmp_path / "drop"), tmp_path, monkeypatch)


def use_inbox(page, inbox: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if "://" not in inbox:
        Path(inbox).mkdir()
    entry = {"inbox": inbox, "output": str(tmp_path / "drop-out"), "watch": {"marker": ".ready"}, "title": "Plates"}
    (tmp_path / "collections.yaml").write_text(json.dumps({"collections": {"c": entry}}))
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "collections.yaml"))
    monkeypatch.setenv("RESTORATION_UPLOAD_MEGABYTES", "0.2")
    settings.cache_clear()
    return Path(inbox)


def send(page, name: str, data: bytes, *, folder: str = "box", user: str | None = "anna", **headers: str):
    headers = {"content-type": "application/octet-stream", **headers}
    return page.request("PUT", FILES, user, params={"folder": folder, "name": name}, content=data, headers=headers)


def finish(page, folder: str = "box", user: str = "anna"):
    return page.request("POST", "/api/inboxes/c/finish", user, json={"folder": folder})


def check(page, *files: tuple[str, int], folder: str = "box"):
    body = {"folder": folder, "files": [{"name": name, "size": size} for name, size in files]}
    return page.request("POST", "/api/inboxes/c/check", json=body)


def lying(inbox: Path) -> dict[str, bytes]:
    """Returns every file of the inbox, hidden ones too."""
    return {str(path.relative_to(inbox)): path.read_bytes() for path in inbox.rglob("*") if path.is_file()}


def uploads_recorded(page) -> list[Event]:
    with page.project.ledger.read() as session:
        return list(session.scalars(select(Event).where(Event.stage == "upload").order_by(Event.id)))


def test_a_delivery_with_a_mask_becomes_one_batch(page, inbox: Path) -> None:
    pixels, mask = damaged(4)
    files = {"Glasplatte ü.tif": png(pixels), "Glasplatte ü.mask.png": png(mask)}
    assert page.get("inboxes") == {"inboxes": [{"name": "c", "title": "Plates"}], "limit": 200_000}
    for name, data in files.items():
        answer = send(page, name, data)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"folder": "box", "kept_as": name, "new": True}
    (collection,) = load_collections(settings().collections).collections
    page.project.inbox, page.project.output = inbox, Path(collection.output)
    page.project.changes["watch"] = collection.watch
    assert not page.project.receive(), "it is not complete"
    assert finish(page).json() == {"marker": True}
    *received, done = uploads_recorded(page)
    assert [one.figures["path"] for one in received] == [f"box/{name}" for name in files]
    assert {(one.figures["user"], one.figures["name"]) for one in [*received, done]} == {("id-anna", "anna")}
    (row,) = published(page.project.restore(page.project.receive())).values()
    assert row.path == "box/Glasplatte ü.tif" and row.mask_source == "manual"


def test_nobody_but_an_operator_uploads(page, inbox: Path) -> None:
    for user, status in ((None, 401), ("viewer", 403), ("uwe", 403)):
        assert send(page, "a.png", b"x", user=user).status_code == status
        for path in ("check", "finish"):
            body = {"folder": "box", "files": []} if path == "check" else {"folder": "box"}
            assert page.request("POST", f"/api/inboxes/c/{path}", user, json=body).status_code == status
    assert not lying(inbox) and not uploads_recorded(page)
    assert page.request("GET", "/api/inboxes", "viewer").status_code == 200


def test_other_sites_and_forms_cannot_upload(page, inbox: Path) -> None:
    assert send(page, "a.png", b"x", origin="https://evil.example").status_code == 403
    assert send(page, "a.png", b"x", **{"sec-fetch-site": "cross-site"}).status_code == 403
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/json"):
        assert send(page, "a.png", b"x", **{"content-type": kind}).status_code == 415
    assert not lying(inbox)


def test_the_same_again_is_said_and_another_is_refused(page, inbox: Path) -> None:
    assert send(page, "a.png", b"first").json()["new"] is True
    assert send(page, "a.png", b"first", user="bert").json()["new"] is False
    refused = send(page, "a.png", b"other", user="bert")
    assert refused.status_code == 409 and "rename yours" in refused.json()["detail"]
    assert lying(inbox) == {"box/a.png": b"first"} and len(uploads_recorded(page)) == 1
    told = check(page, ("a.png", 5), ("a.png", 6), ("b.png", 1)).json()["files"]
    assert [(one["there"], bool(one["refused"])) for one in told] == [(True, False), (False, True), (False, False)]
    finish(page)
    late = send(page, "b.png", b"x")
    assert late.status_code == 422 and "complete already" in late.json()["detail"]
    assert check(page, ("b.png", 1)).status_code == finish(page).status_code == 422


def test_what_a_killed_server_left_is_removed_after_a_day(page, inbox: Path) -> None:
    send(page, "a.png", b"first")
    for age, number in ((90_000, 1), (60, 2)):
        left = inbox / f"box/.part-{number}-{number:032x}"
        left.write_bytes(b"half")
        os.utime(left, (time.time() - age, time.time() - age))
    assert [one["there"] for one in check(page, ("a.png", 5), ("b.png", 1)).json()["files"]] == [True, False]
    assert set(lying(inbox)) == {"box/a.png", f"box/.part-2-{2:032x}"}


def test_names_are_made_safe_and_stay_in_the_delivery(page, inbox: Path) -> None:
    names = ["../../up.png", "..\\up2.png", "/etc/abs.png", "a\nb.png", '<img src=x onerror="alert(1)">.png', ".x.png"]
    for name in names:
        assert send(page, name, name.encode(), folder="../my box").status_code == 200, name
    kept = [
        "_..%2F..%2Fup.png",
        "_..%5Cup2.png",
        "%2Fetc%2Fabs.png",
        "a%0Ab.png",
        '<img src=x onerror="alert(1)">.png',
        "_.x.png",
    ]
    assert lying(inbox) == {f"_..%2Fmy box/{name}": sent.encode() for name, sent in zip(kept, names, strict=True)}
    assert [one.figures["sent_as"] for one in uploads_recorded(page)] == names
    assert not list(inbox.parent.glob("*.png"))


def test_what_the_inbox_would_not_take_is_refused(page, inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (inbox / "linked").symlink_to(tmp_path / "elsewhere")
    (inbox / "bag").mkdir()
    (inbox / "bag/bagit.txt").write_text("BagIt-Version: 1.0\n")
    before = lying(inbox)
    for folder, name, data, word in (
        ("box", "page.html", b"<script>", "no image"),
        ("box", ".ready", b"x", "no image"),
        ("box", "Thumbs.db", b"x", "no image"),
        ("box", "a.png", b"", "empty"),
        ("box", "a.png", b"x" * 200_001, "RESTORATION_UPLOAD_MEGABYTES"),
        ("masks", "a.png", b"x", "meaning of its own"),
        ("linked", "a.png", b"x", "meaning of its own"),
        ("bag", "a.png", b"x", "complete already"),
        ("", "a.png", b"x", "no name"),
        ("box", " ", b"x", "no name"),
    ):
        answer = send(page, name, data, folder=folder)
        assert answer.status_code == 422 and word in answer.json()["detail"], (folder, name, answer.text)
    assert lying(inbox) == before and not list((tmp_path / "elsewhere").iterdir())
    assert page.request("PUT", "/api/inboxes/d/files", params={"folder": "b", "name": "a.png"}, content=b"x",
                        headers={"content-type": "application/octet-stream"}).status_code == 404  # fmt: skip
    german = send(page, "page.html", b"<script>", **{"accept-language": "de"})
    assert "kein Bild" in german.json()["detail"]


def test_a_bomb_is_not_opened_here_but_refused_by_the_inbox(page, inbox: Path) -> None:
    side = 40_000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(200)) + packer.flush()
    bomb = io.BytesIO()
    bomb.write(b"\x89PNG\r\n\x1a\n")
    for kind, body in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        bomb.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    assert send(page, "bomb.png", bomb.getvalue()).status_code == 200
    page.project.inbox = inbox
    (row,) = published(page.project.restore(page.project.receive())).values()
    assert (row.outcome, row.reason) == ("quarantined", "too-many-pixels")


@pytest.fixture
def served(page) -> Iterator[int]:
    """The port of a real server."""
    server = uvicorn.Server(uvicorn.Config(page.application, port=(port := free_port()), log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    yield port
    server.should_exit = True
    thread.join()


def raw(port: int, name: str, announced: int, user: str = "anna") -> socket.socket:
    """Returns a connection on which the head of an upload was sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = f"PUT {FILES}?folder=box&name={quote(name)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-User: {user}\r\n"
    head += f"Content-Type: application/octet-stream\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def answer_of(connection: socket.socket) -> int:
    with connection, connection.makefile("rb") as stream:
        return int(stream.read().split(b" ", 2)[1])


def wait_until_begun(inbox: Path, count: int) -> None:
    while len([name for name in lying(inbox) if ".part-" in name]) < count:
        pass


def test_what_is_cut_off_leaves_nothing_and_can_be_repeated(page, inbox: Path, served: int) -> None:
    with raw(served, "a.png", 100_000) as connection:
        connection.sendall(b"x" * 60_000)
        wait_until_begun(inbox, 1)
        assert not list(storage.list_files(str(inbox))), "no listing shows it"
    while any(inbox.rglob(".part-*")):
        pass
    connection = raw(served, "a.png", 100_000)
    connection.sendall(b"x" * 100_000)
    assert answer_of(connection) == 200
    assert lying(inbox) == {"box/a.png": b"x" * 100_000} and len(uploads_recorded(page)) == 1


def test_what_arrives_after_its_delivery_was_finished_is_not_kept(page, inbox: Path, served: int) -> None:
    assert send(page, "b.png", b"x").status_code == 200
    with raw(served, "a.png", 50_000) as connection:
        connection.sendall(b"x" * 40_000)
        wait_until_begun(inbox, 1)
        assert finish(page).json() == {"marker": True}
        connection.sendall(b"x" * 10_000)
        assert answer_of(connection) == 422
    assert sorted(lying(inbox)) == ["box/.ready", "box/b.png"]


def test_what_is_no_delivery_is_not_finished(page, inbox: Path) -> None:
    (inbox / "masks").mkdir()
    for folder in ("", " ", "masks", "Masken"):
        assert finish(page, folder).status_code == 422
    assert not lying(inbox)


def test_of_two_people_at_once_with_one_name_nobody_loses(page, inbox: Path, served: int) -> None:
    for name, contents, wanted in (("a.png", (b"a", b"b"), [200, 409]), ("b.png", (b"a", b"a"), [200, 200])):
        size = 50_000
        connections = [raw(served, name, size, user) for user in ("anna", "bert")]
        for connection, content in zip(connections, contents, strict=True):
            connection.sendall(content * (size - 1))
        wait_until_begun(inbox, 2)
        for connection, content in zip(connections, contents, strict=True):
            connection.sendall(content)
        assert sorted(map(answer_of, connections)) == wanted
        assert lying(inbox)[f"box/{name}"] in {content * size for content in contents}
    assert len(lying(inbox)) == len(uploads_recorded(page)) == 2


def test_a_bucket_takes_uploads_too(page, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_inbox(page, f"{bucket}/in", tmp_path, monkeypatch)
    assert send(page, "a ü.png", b"first").json()["new"] is True
    assert send(page, "a ü.png", b"first").json()["new"] is False
    assert send(page, "a ü.png", b"other").status_code == 409
    assert check(page, ("a ü.png", 5)).json()["files"][0]["there"] is True
    assert finish(page).json() == {"marker": True}
    (found,) = storage.list_files(f"{bucket}/in")
    assert found.path == "box/a ü.png" and storage.read_bytes(found.uri) == b"first"
    assert storage.exists(f"{bucket}/in/box/.ready")


def test_without_a_collections_file_there_is_no_inbox(page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "none.yaml"))
    settings.cache_clear()
    assert page.get("inboxes")["inboxes"] == []
