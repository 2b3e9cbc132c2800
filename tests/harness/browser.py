"""A browser for tests: Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipeline.review.page_routes import STATIC


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yields Chromium without a window; skips the test where it, or the review page's viewer, is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    if not Path(STATIC / "vendor" / "openseadragon.min.js").exists():
        pytest.skip("OpenSeadragon is not installed: make setup")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
