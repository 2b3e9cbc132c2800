"""The page in a browser: by keyboard from the queue to a decision, and accessible in both colour schemes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from browser import chromium
from playwright.sync_api import Page
from ports import free_port

from pipeline.ledger import reviews
from pipeline.ledger.reviews import QueueFilter

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[3] / "scripts/frontend/node_modules/axe-core/axe.min.js"
FOUND = "axe.run().then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id))"


@pytest.fixture
def browser_page(page) -> Iterator[Page]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(page.application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    with chromium() as browser:
        context = browser.new_context(
            extra_http_headers={"x-user": "anna"}, locale="de", base_url=f"http://127.0.0.1:{port}"
        )
        opened = context.new_page()
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto("/")
        opened.wait_for_selector("a.result")
        yield opened
        assert not errors
    server.should_exit = True
    thread.join()


def test_from_the_queue_to_a_decision_by_keyboard(page, browser_page: Page) -> None:
    shown = browser_page
    assert shown.title() == "Sichtung" and shown.locator("a.result").count() == 1
    shown.keyboard.press("Enter")
    shown.wait_for_selector("canvas.layer")
    assert "1 offene Stelle" in shown.locator("#picture header").inner_text()
    shown.locator("[data-command=accept_all]").click()
    # What was accepted and not filled is not lost by a wrong key.
    shown.keyboard.press("n")
    assert shown.locator("#picture h1").inner_text() == "box/marked.png"
    shown.keyboard.press("Shift+R")
    shown.wait_for_selector("#queue:not([hidden])")
    assert page.started.scans == [("c", "box/marked.png")]
    with page.project.ledger.read() as session:
        assert reviews.counts(session, QueueFilter("c")) == {"redo": 1, "unasked": 1}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_barrier(browser_page: Page, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make setup")
    shown = browser_page
    shown.emulate_media(color_scheme=scheme)
    shown.evaluate(AXE.read_text())
    assert shown.evaluate(FOUND) == []
    shown.keyboard.press("Enter")
    shown.wait_for_selector("canvas.layer")
    assert shown.evaluate(FOUND) == []
    shown.keyboard.press("?")
    assert shown.evaluate(FOUND) == []
