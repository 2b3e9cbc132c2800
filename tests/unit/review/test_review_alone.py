"""The review without Airflow: from the printed address to a filled mask, by keys and with the real runs."""

from __future__ import annotations

import pytest
from browser import chromium
from playwright.sync_api import expect
from small_project import Project, read_image
from test_review_page import serve, wait_for_picture

from pipeline.review.application import create_application
from pipeline.review.decisions.redo import LocalRedo
from pipeline.review.token_access import TokenAccess

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_the_address_to_the_next_picture(detecting: Project, tmp_path) -> None:
    for number, name in enumerate(("first.png", "second.png")):
        detecting.put(f"box/{name}", number, painted=False)
    detecting.restore(detecting.receive())
    access = TokenAccess()
    application = create_application(access, detecting.ledger, tmp_path / "cache", LocalRedo(detecting.ledger))
    with serve(application) as address, chromium() as browser:
        page = browser.new_page(locale="en")
        page.goto(f"{address}/login?token={access.token}")
        page.locator("a.result", has_text="first.png").click()
        wait_for_picture(page)
        page.keyboard.press("g")
        page.keyboard.press("y")
        page.keyboard.press("Shift+R")
        # One goes on with the other picture meanwhile.
        expect(page.locator("#picture h1")).to_have_text("box/second.png")
        page.get_by_text("first.png is filled and waits in the queue").wait_for(timeout=120_000)
        page.keyboard.press("p")
        expect(page.locator("#picture h1")).to_have_text("box/first.png")
        wait_for_picture(page)
        assert "Filled with the mask of" in page.locator("aside").inner_text()
        page.keyboard.press("a")
        expect(page.locator("#picture h1")).to_have_text("box/second.png")
    assert read_image(detecting.output / "masks/box/first.png")[25, 85] == 255
