"""The page in a browser: by keyboard from the queue to a decision, and accessible in both colour schemes."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from browser import chromium
from fastapi import FastAPI
from image_files import png
from PIL import Image
from playwright.sync_api import Page, expect
from ports import free_port
from small_project import read_image

from benchmarks.review.fill_ledger import fill_ledger
from pipeline.imaging.orientation import as_stored
from pipeline.ledger import reviews
from pipeline.ledger.reviews import QueueFilter
from pipeline.review.decisions.redo import Problem

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[3] / "scripts/frontend/node_modules/axe-core/axe.min.js"
FOUND = "axe.run().then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id))"


@contextmanager
def serve(application: FastAPI) -> Iterator[str]:
    """Yields the address of an application on loopback."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@contextmanager
def opened(page: Any, start: str = "/", **given: Any) -> Iterator[Page]:
    """Yields a browser's page on the queue; errors of scripts fail the test."""
    with serve(page.application) as address, chromium() as browser:
        given = {"locale": "de", "extra_http_headers": {"x-user": "anna"}, "base_url": address} | given
        shown = browser.new_context(**given).new_page()
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(start)
        shown.wait_for_selector("a.result, #picture .stage")
        yield shown
        assert not errors


@pytest.fixture
def browser_page(page) -> Iterator[Page]:
    with opened(page) as shown:
        yield shown


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


DRAWN = """() => {
  const canvas = document.querySelector(".openseadragon-canvas canvas");
  if (!canvas?.width) return false;
  return canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[3] > 0;
}"""


def wait_for_picture(shown: Page) -> None:
    """Waits until the picture is drawn; the page's policy forbids Playwright's own waiting for a function."""
    shown.wait_for_selector("canvas.layer")
    for _ in range(300):
        if shown.evaluate(DRAWN):
            return
        shown.wait_for_timeout(100)
    raise AssertionError("the picture is not drawn")


def test_marks_are_reached_and_accepted_by_keys_alone(page, browser_page: Page) -> None:
    shown = browser_page
    shown.keyboard.press("Enter")
    wait_for_picture(shown)
    # A screen reader is told name, outcome, marks and zoom.
    expect(shown.locator("#live")).to_contain_text("box/marked.png")
    heard = shown.locator("#live").text_content() or ""
    assert "restauriert" in heard and "1 offene Stelle" in heard and "%" in heard
    shown.keyboard.press("g")
    assert "1 / 1: Staub" in shown.locator(".said").inner_text()
    shown.keyboard.press("y")
    assert "angenommen" in shown.locator(".said").inner_text()
    # The brush is moved, put down and lifted by keys.
    shown.keyboard.press("b")
    for key in ("ArrowDown", "Space", "ArrowRight", "ArrowRight", "Space"):
        shown.keyboard.press(key)
    shown.keyboard.press("Shift+R")
    shown.wait_for_selector("#queue:not([hidden])")
    mask = read_image(page.project.output / "decided/box/marked.png.mask.png")
    assert mask[20:30, 80:90].all() and np.count_nonzero(mask) > 96 * 3 + 100
    # One goes on meanwhile, and is told what is being filled.
    assert shown.locator("#waiting").inner_text() == "1 Scan wird gefüllt"


def test_a_mark_is_dismissed_and_accepted_by_touch(page) -> None:
    with opened(page, has_touch=True, viewport={"width": 820, "height": 1180}) as shown:
        shown.locator("a.result").first.tap()
        wait_for_picture(shown)
        box = shown.locator(".stage").bounding_box()
        assert box is not None
        # 128 pixels of the picture fill the width.
        x, y = box["x"] + box["width"] * 85 / 128, box["y"] + box["height"] / 2 + box["width"] * (25 - 48) / 128
        save = shown.locator("[data-command=redo]")
        assert save.is_disabled()
        shown.touchscreen.tap(x, y)
        expect(save).to_be_enabled()
        shown.touchscreen.tap(x, y)
        expect(save).to_be_disabled()
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_line_is_drawn_by_a_finger(page) -> None:
    with opened(page, has_touch=True, viewport={"width": 820, "height": 1180}) as shown:
        shown.locator("a.result").first.tap()
        wait_for_picture(shown)
        shown.get_by_role("button", name="Linie").tap()
        box = shown.locator(".stage").bounding_box()
        assert box is not None
        middle, scale = box["y"] + box["height"] / 2, box["width"] / 128

        def touch(kind: str, *at: tuple[float, float]) -> None:
            points = [{"x": box["x"] + x * scale, "y": middle + (y - 48) * scale} for x, y in at]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        session = shown.context.new_cdp_session(shown)
        touch("touchStart", (20, 60))
        # The hand wanders, the line does not.
        for x, y in ((40, 80), (60, 40), (90, 60), (90, 60)):
            touch("touchMove", (x, y))
            # As slow as a hand that stops before it is lifted: after a throw the browser takes the next tap as a halt.
            shown.wait_for_timeout(100)
        touch("touchEnd")
        expect(shown.locator("[data-command=redo]")).to_be_enabled()
        shown.locator("[data-command=redo]").tap()
        expect(shown.locator("#queue")).to_be_visible()
    painted = read_image(page.project.output / "decided/box/marked.png.mask.png")
    # It snaps to what lies within eight pixels of it.
    assert (painted[50:71, 25:85] > 0).any(axis=0).all() and not painted[72:, 46:].any()


def test_a_screen_reader_hears_what_there_is(browser_page: Page) -> None:
    shown = browser_page
    queue = shown.locator("#queue").aria_snapshot()
    assert 'link "marked.png restauriert' in queue.replace("\n", " ") and "1 offene Stelle" in queue
    shown.keyboard.press("Enter")
    wait_for_picture(shown)
    picture = shown.locator("#picture").aria_snapshot()
    assert "img" in picture and "1 offene Stelle" in picture and "%" in picture
    for name in ("Annehmen", "Ablehnen", "Pinsel", "Diese Stellen füllen"):
        assert f'button "{name}"' in picture, name
    # Everything that can be pressed has a name.
    assert 'button ""' not in picture and "\n- button\n" not in picture


def test_a_run_that_failed_is_shown_as_failed(page) -> None:
    page.started.failed = Problem("run manual 1", "../dags/restore_c/runs/1")
    result = page.results()["box/marked.png"]
    body = {"version": result["version"], "painting": {"accepted": [0]}}
    assert page.request("POST", f"/api/results/{result['id']}/painting", json=body).status_code == 200
    with opened(page, f"/#/{result['id']}", locale="en") as shown:
        wait_for_picture(shown)
        told = shown.locator("aside [role=alert]")
        assert "failed: run manual 1" in told.inner_text()
        assert told.locator("a").get_attribute("href") == "../dags/restore_c/runs/1"
        assert shown.locator("#waiting").is_hidden()
        page.started.failed = None
        shown.locator("[data-command=again]").click()
        expect(told).to_have_count(0)
        expect(shown.locator("#waiting")).to_contain_text("is being filled")
        # It fails again, while one looks.
        page.started.failed = Problem("run manual 2")
        expect(told).to_contain_text("run manual 2", timeout=20_000)


LANDMARKS = {(0, 255, 0): (20, 30), (0, 0, 255): (60, 100), (255, 0, 255): (80, 24)}
"""Colours of squares of 5 pixels, and the row and column of their middles in the upright picture."""


@pytest.mark.parametrize("orientation", [6, 7])
def test_a_stroke_lies_where_the_cursor_is(page, orientation: int) -> None:
    seen = np.full((96, 128, 3), 90, np.uint8)
    for colour, (row, column) in LANDMARKS.items():
        seen[row - 2 : row + 3, column - 2 : column + 3] = colour
    mask = np.zeros((96, 128), np.uint8)
    mask[40:44, 60:64] = 255
    folder = page.project.inbox
    stored = Image.fromarray(np.ascontiguousarray(as_stored(seen, orientation)))
    stored.save(folder / "turned.tif", tiffinfo={274: orientation})
    (folder / "turned.mask.png").write_bytes(png(np.ascontiguousarray(as_stored(mask, orientation))))
    page.project.restore(page.project.receive())
    result = page.results()["turned.tif"]
    with opened(page, f"/#/{result['id']}", viewport={"width": 1000, "height": 760}) as shown:
        wait_for_picture(shown)
        for keys, colour in zip(("f", "1", "+++"), LANDMARKS, strict=True):
            for key in keys:
                shown.keyboard.press(key)
            shown.wait_for_timeout(700)
            x, y = _find(shown, colour)
            shown.keyboard.press("b")
            shown.keyboard.down("Alt")
            shown.mouse.move(x, y)
            shown.mouse.down()
            shown.mouse.up()
            shown.keyboard.up("Alt")
            shown.keyboard.press("b")
        shown.keyboard.press("Shift+R")
        expect(shown).not_to_have_url(re.compile(f"#/{result['id']}$"))
    painted = read_image(page.project.output / "decided/turned.tif.mask.png")
    assert painted.shape == np.asarray(stored).shape[:2]
    for row, column in LANDMARKS.values():
        plane = np.zeros((96, 128), np.uint8)
        plane[row - 8 : row + 9, column - 8 : column + 9] = 255
        found = np.argwhere((painted > 0) & (as_stored(plane, orientation) > 0)).mean(axis=0)
        wanted = np.argwhere(as_stored(_dot(row, column), orientation) > 0)[0]
        assert np.hypot(*(found - wanted)) <= 1, (found, wanted)


def _dot(row: int, column: int) -> np.ndarray:
    plane = np.zeros((96, 128), np.uint8)
    plane[row, column] = 255
    return plane


def _find(shown: Page, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Returns the middle of what has a colour on the screen."""
    pixels = np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB"), np.int16)
    box = shown.locator(".stage").bounding_box()
    assert box is not None
    rows, columns = np.nonzero(np.abs(pixels - colour).max(axis=2) < 70)
    inside = (columns < box["x"] + box["width"]) & (rows > box["y"]) & (rows < box["y"] + box["height"])
    return float(columns[inside].mean()) + 0.5, float(rows[inside].mean()) + 0.5


def test_a_long_queue_is_scrolled_and_not_all_in_the_page(page) -> None:
    fill_ledger(page.project.ledger, str(page.project.output), 3000, 6000)
    with opened(page) as shown:
        shown.get_by_role("button", name="Alle 3.002").click()
        first = shown.locator(".results li").first
        expect(first).to_have_attribute("aria-setsize", "3002")
        assert shown.locator(".results li").count() < 200
        shown.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        shown.wait_for_selector(".results li[aria-posinset='3002'] .name")
        assert shown.locator(".results li").count() < 200
        # Filters are kept: one goes on where one left off.
        shown.locator("summary").click()
        shown.get_by_label("Art der Stelle").select_option("crack")
        shown.wait_for_selector(".results li")
        expect(first).to_have_attribute("aria-setsize", re.compile("^[0-9]{3}$"))
        shown.reload()
        shown.wait_for_selector("a.result")
        assert shown.get_by_label("Art der Stelle").input_value() == "crack"
