"""Overview and upload in a browser: by keyboard and in both languages, without barriers in either colour scheme."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from browser import chromium
from playwright.sync_api import Browser, Page, Route
from ports import free_port

from pipeline.settings import settings
from pipeline.stages.reconcile import reconcile

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[3] / "scripts/frontend/node_modules/axe-core/axe.min.js"
FOUND = "axe.run().then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id))"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def inbox(page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "drop").mkdir()
    entry = {"inbox": str(tmp_path / "drop"), "output": str(page.project.output), "title": HOSTILE}
    entry["watch"] = {"marker": ".ready"}
    (tmp_path / "collections.yaml").write_text(json.dumps({"collections": {"c": entry}}))
    monkeypatch.setenv("RESTORATION_COLLECTIONS", str(tmp_path / "collections.yaml"))
    settings.cache_clear()
    reconcile(page.project.work_area())
    return tmp_path / "drop"


@pytest.fixture
def address(page, inbox: Path) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(page.application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def opened(browser: Browser, address: str, place: str, **context: object) -> Page:
    given = {"extra_http_headers": {"x-user": "anna"}, "locale": "en", "base_url": address} | context
    shown = browser.new_context(**given).new_page()  # type: ignore[arg-type]
    shown.goto(f"/#/{place}")
    shown.wait_for_selector(f"#{place} h1")
    return shown


def test_overview_and_upload_by_keyboard(page, inbox: Path, address: str) -> None:
    with chromium() as browser:
        shown = opened(browser, address, "dashboard")
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        assert shown.locator("#dashboard article h2").inner_text() == HOSTILE
        assert "Nothing is broken." in shown.locator("#dashboard").inner_text()
        assert "1 drawn, none looked at yet" in shown.locator(".figures").inner_text()
        assert shown.locator("svg rect.restored").count() == 1 and shown.title() == "Overview"
        shown.locator("#places a", has_text="Upload").focus()
        shown.keyboard.press("Enter")
        shown.wait_for_selector("#upload form")
        assert shown.evaluate("document.activeElement.textContent") == "Upload"
        names = [f"{HOSTILE.replace('/', '')}.png", "a.png", "Thumbs.db"]
        files = [{"name": name, "mimeType": "image/png", "buffer": name.encode() * 1000} for name in names]
        shown.set_input_files("#files", files)  # type: ignore[arg-type]
        shown.wait_for_selector(".files li.refused")
        shown.set_input_files(
            "input[aria-label='Mask of a.png']", {"name": "x.tiff", "mimeType": "", "buffer": b"mask"}
        )
        shown.wait_for_selector(".files li:nth-child(4)")
        assert shown.locator("#upload img").count() == 0, "a name became markup"
        # The connection breaks in the middle of one file.
        cut: list[str] = []

        def once(route: Route) -> None:
            if "name=a.png" in route.request.url and not cut:
                cut.append(route.request.url)
                return route.abort("connectionreset")
            return route.continue_()

        shown.route("**/files?*", once)
        shown.fill("[name=delivery]", "Kiste ä")
        shown.press("[name=delivery]", "Enter")
        shown.locator("#upload .said:not(:empty)").wait_for(timeout=60_000)
        assert "3 files have arrived. The delivery is complete" in shown.locator("#upload .said").inner_text()
        assert cut and not errors
    found = {str(path.relative_to(inbox)): path.read_bytes() for path in inbox.rglob("*") if path.is_file()}
    assert found.pop("Kiste ä/.ready").startswith(b"uploaded by anna")
    assert found == {
        f"Kiste ä/{names[0]}": names[0].encode() * 1000,
        "Kiste ä/a.png": b"a.png" * 1000,
        "Kiste ä/a.mask.tiff": b"mask",
    }


DROPPED = """names => {
  const dropped = new DataTransfer();
  for (const name of names) dropped.items.add(new File([name.repeat(20000)], name));
  return dropped;
}"""


def test_files_are_dropped_and_arrive_whole_after_the_connection_broke(page, inbox: Path, address: str) -> None:
    names = ["Müller 1.tif", "Müller 1.mask.png", "zwei.png"]
    with chromium() as browser:
        shown = opened(browser, address, "upload")
        dropped = shown.evaluate_handle(DROPPED, names)
        for event in ("dragover", "drop"):
            shown.dispatch_event("#upload .drop", event, {"dataTransfer": dropped})
        shown.wait_for_selector(".files li:nth-child(3)")
        assert shown.locator(".files li .choose").count() == 1, "a mask that was dropped is found by its name"
        # Nobody answers, until somebody has plugged the cable in again.
        shown.context.set_offline(True)
        shown.get_by_role("button", name="Send 3 files").click()
        shown.wait_for_selector(".files li.cut")
        assert not [path for path in inbox.rglob("*") if path.is_file()]
        shown.context.set_offline(False)
        shown.get_by_text("3 files have arrived").wait_for(timeout=60_000)
    found = {path.name: path.read_bytes() for path in inbox.rglob("*") if path.is_file() and path.name != ".ready"}
    assert found == {name: name.encode() * 20_000 for name in names}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier_on_these_pages(page, inbox: Path, address: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup")
    with page.project.ledger.write() as session:
        from pipeline.ledger import batches, notices

        notices.begin(session, "c", "unreachable 2026-11-30", "it cannot be read")
        batches.get(session, "c", "b1").counts = {"restored": 2, "failed": 1}
    with chromium() as browser:
        shown = opened(browser, address, "dashboard", locale="de", color_scheme=scheme)
        shown.wait_for_selector(".troubles li")
        shown.locator("summary").click()
        assert "der Eingang ist nicht lesbar" in shown.locator(".troubles").inner_text()
        shown.evaluate(AXE.read_text())
        assert shown.evaluate(FOUND) == []
        shown = opened(browser, address, "upload", locale="de", color_scheme=scheme)
        files = [{"name": name, "mimeType": "", "buffer": b"x"} for name in ("a.png", "b.exe")]
        shown.set_input_files("#files", files)  # type: ignore[arg-type]
        shown.wait_for_selector(".files li.refused")
        shown.evaluate(AXE.read_text())
        assert shown.evaluate(FOUND) == []


def test_who_may_not_upload_is_told(page, inbox: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with chromium() as browser:
        shown = opened(browser, address, "upload", extra_http_headers={"x-user": "viewer"})
        assert "viewer may look, but not upload" in shown.locator("#upload").inner_text()
        assert shown.locator("#upload input").count() == 0
        monkeypatch.setenv("RESTORATION_COLLECTIONS", "/nowhere.yaml")
        settings.cache_clear()
        shown = opened(browser, address, "upload")
        assert "no collections file was found" in shown.locator("#upload").inner_text()
