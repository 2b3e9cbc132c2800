"""Time a person's keys in a browser: from one picture to the next, and many decisions."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.review.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHOWN = """([before]) => {
  const name = document.querySelector("#picture h1")?.textContent;
  const canvas = document.querySelector(".openseadragon-canvas canvas");
  if (!name || name === before || !canvas?.width) return false;
  const pixel = canvas.getContext("2d").getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data;
  return pixel[3] > 0 && name;
}"""
MOVES = 30
JUMPS, SECONDS = 40, 4
SCROLLED = """async ([jumps, seconds]) => {
  const busy = () => document.querySelector(".results li[aria-busy]") || !document.querySelector(".results li .name");
  const frame = () => new Promise(requestAnimationFrame);
  const jumped = [], frames = [];
  for (let at = 0; at < jumps; at += 1) {
    scrollTo(0, ((at * 7919) % 1000) / 1000 * document.documentElement.scrollHeight);
    const started = performance.now();
    do await frame(); while (busy());
    jumped.push(performance.now() - started);
  }
  scrollTo(0, 0);
  let last = await frame();
  for (const end = last + 1000 * seconds; last < end; ) {
    scrollBy(0, 60);
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return [jumped, frames];
}"""


def time_keys(server: Server, decisions: int) -> dict[str, float] | None:
    """Return milliseconds from a key to the next picture, and seconds of accepting all; None without Chromium.

    A script presses the keys: the time that a person needs to look comes on top.

    Args:
        decisions: how many small scans there are, all undecided.
    """
    with _opened(server) as page:
        if page is None:
            return None
        page.get_by_role("searchbox").fill("scan ")
        page.keyboard.press("Enter")
        page.locator("a.result", has_text="scan 0").nth(5).wait_for()
        page.locator("a.result").first.click()
        name = _wait(page, "")
        moves = []
        for _ in range(min(MOVES, decisions - 1)):
            # A person looks at a picture for a moment, in which the next one is loaded.
            page.wait_for_timeout(400)
            started = time.perf_counter()
            page.keyboard.press("n")
            name = _wait(page, name)
            moves.append(time.perf_counter() - started)
        for _ in range(min(MOVES, decisions - 1)):
            page.keyboard.press("p")
            name = _wait(page, name)
        started = time.perf_counter()
        for number in range(decisions):
            page.keyboard.press("a")
            if number < decisions - 1:
                name = _wait(page, name)
        page.wait_for_selector("#queue:not([hidden])")
        seconds = time.perf_counter() - started
    return {
        "key to next picture, ms": 1000 * median(moves),
        "longest, ms": 1000 * max(moves),
        f"{decisions} accepted, s": seconds,
    }


def time_scrolling(server: Server, results: int) -> dict[str, float] | None:
    """Return how long a browser takes to show any place of the whole queue, and a frame of it; None without Chromium.

    Args:
        results: how many there are in the queue.
    """
    with _opened(server) as page:
        if page is None:
            return None
        page.locator("[data-count=all]").click()
        page.locator(f".results li[aria-setsize='{results}']").first.wait_for(timeout=60_000)
        jumped, frames = page.evaluate(SCROLLED, [JUMPS, SECONDS])
    return {
        "jump to any of all results until their names are there, ms": median(jumped),
        "longest jump, ms": max(jumped),
        "frame while the queue is scrolled, ms": median(frames),
        "of 100 frames the second longest, ms": sorted(frames)[int(0.98 * len(frames))],
    }


@contextmanager
def _opened(server: Server) -> Iterator[Page | None]:
    """Provide the review's first page in a browser of its own, signed in; None without Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = _signed_in(browser, server)
        page.goto(server.base)
        yield page
        browser.close()


def _signed_in(browser: Browser, server: Server) -> Page:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_cookies([
        {"name": cookie.name, "value": cookie.value or "", "url": server.base}
        for cookie in server.client.cookies.jar
    ])  # fmt: skip
    return context.new_page()


def _wait(page: Page, before: str) -> str:
    """Return the name of the picture that is drawn, once it is another one."""
    # The page's policy forbids that Playwright waits for a function by itself.
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        if name := page.evaluate(SHOWN, [before]):
            return str(name)
    raise TimeoutError(f"no picture after {before!r}")
