"""The review inside Airflow: for its users by their roles, a run for what was painted, the page in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from airflow_home import start_run, wait_for_run
from browser import chromium
from playwright.sync_api import expect
from small_inbox import scratched
from small_project import read_image

from scripts.airflow_api import PASSWORDS, AirflowApi, run_path, wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.browser, pytest.mark.timeout(900)]

ROLES = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,vera:viewer,uwe:user,olga:op"}
STROKE = {"tool": "paint", "stroke": {"points": [[60, 20], [60, 90]], "width": 5}}


class Person:
    """A user of Airflow who asks the review."""

    def __init__(self, api: AirflowApi, name: str) -> None:
        self.password = json.loads((api.home / PASSWORDS).read_text())[name]
        self._client = httpx.Client(base_url=api.url, trust_env=False, timeout=60)
        answer = self._client.post("/auth/token", json={"username": name, "password": self.password})
        self._client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get("/restoration/api/results").raise_for_status().json()["results"]
        return found

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"/restoration/api/{path}").raise_for_status().json()
        return found

    def post(self, result: dict[str, Any], what: str, **body: Any) -> httpx.Response:
        path = f"/restoration/api/results/{result['id']}/{what}"
        return self._client.post(path, json={"version": result["version"], **body})

    def dashboard(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get("/restoration/api/dashboard").raise_for_status().json()
        return found

    def upload(self, name: str, data: bytes) -> httpx.Response:
        return self._client.put(
            "/restoration/api/inboxes/reviewed/files",
            params={"folder": "later", "name": name},
            content=data,
            headers={"Content-Type": "application/octet-stream"},
        )


def test_a_person_decides_within_airflow(airflow, tmp_path: Path) -> None:
    scan, mask = scratched("astronaut")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.png").write_bytes(scan)
    (tmp_path / "inbox" / "a.mask.png").write_bytes(mask)
    airflow.write(reviewed={"inbox": str(tmp_path / "inbox"), "output": str(tmp_path / "out")})
    with airflow.running(**ROLES) as api:
        assert wait_for_run(api, start_run(api, "reviewed")) == "success"
        nobody = httpx.Client(base_url=api.url, trust_env=False)
        for path in (
            "/",
            "/api/results",
            "/api/results/1",
            "/static/main.js",
            "/api/results/1/thumb.jpg",
            "/openapi.json",
        ):
            assert nobody.get(f"/restoration{path}").status_code == 401, path
        viewer, user, operator = (Person(api, name) for name in ("vera", "uwe", "olga"))
        (result,) = (one for one in viewer.results() if one["collection"] == "reviewed")
        assert viewer.post(result, "decision", verdict="accept").status_code == 403
        accepted = user.post(result, "decision", verdict="accept").raise_for_status().json()
        assert (accepted["state"], accepted["decided_by"]) == ("accepted", "uwe")
        (told,) = (one for one in viewer.dashboard()["collections"] if one["name"] == "reviewed")
        assert told["last"]["state"] == "done" and told["paused"] is False and told["inbox"] == str(tmp_path / "inbox")
        run = urljoin(f"{api.url}/restoration/", told["last"]["address"])
        assert run.startswith(f"{api.url}/dags/restore_reviewed/runs/")
        assert httpx.get(run, trust_env=False).status_code == 200
        assert {viewer.upload("b.png", scan).status_code, user.upload("b.png", scan).status_code} == {403}
        assert not (tmp_path / "inbox/later").exists()
        assert operator.upload("b.png", scan).json() == {"folder": "later", "kept_as": "b.png", "new": True}
        assert (tmp_path / "inbox/later/b.png").read_bytes() == scan
        painting = {"painting": {"edits": [STROKE]}}
        assert user.post(accepted, "painting", **painting).status_code == 403
        assert operator.post(accepted, "painting", **painting).status_code == 200

        def done() -> dict[str, Any] | None:
            (found,) = (one for one in viewer.results() if one["collection"] == "reviewed")
            return found if found["state"] == "open" else None

        again = wait_until(done, "what was painted was not filled", seconds=240)
        assert again is not None and again["path"] == "a.png"
        assert read_image(tmp_path / "out" / "masks" / "a.png")[50, 60] == 255
        note = json.loads((tmp_path / "out" / "sidecars" / "a.json").read_text())["mask"]["note"]
        assert "decided by olga" in note
        _decide_in_a_browser(api, operator.password, again["batch"])
        history = [one["name"] for one in viewer.get(f"results/{again['id']}")["history"] if one["name"]]
        assert history == ["uwe", "olga", "olga", "olga"]
        _a_run_that_fails_is_shown_as_failed(api, operator)


def _a_run_that_fails_is_shown_as_failed(api: AirflowApi, operator: Person) -> None:
    (result,) = (one for one in operator.results() if one["collection"] == "reviewed")
    operator.post(result, "painting", painting={"edits": [STROKE]}).raise_for_status()
    run = api.runs("restore_reviewed")[-1]
    api.request("PATCH", run_path("restore_reviewed", run["dag_run_id"]), body={"state": "failed"})

    def failed() -> dict[str, Any] | None:
        # The run fails once its last task, which counts, has run.
        found = operator.get(f"results/{result['id']}")
        return found if found["problem"] else None

    told = wait_until(failed, "a run that failed is not shown as failed", seconds=180)
    assert told is not None and told["state"] == "redo" and told["problem"] == f"run {run['dag_run_id']}"
    page = urljoin(f"{api.url}/restoration/", told["problem_log"])
    assert page.startswith(f"{api.url}/dags/restore_reviewed/runs/") and httpx.get(page, trust_env=False).is_success


def _decide_in_a_browser(api: AirflowApi, password: str, batch: int) -> None:
    """From a digest's link through the login to the queue; accept marks and paint, wait for the fill, accept, go on."""
    with chromium() as browser:
        page = browser.new_page(locale="en")
        page.goto(f"{api.url}/restoration/?batch={batch}")
        page.get_by_label("Username").fill("olga")
        page.locator("input[type=password]").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.locator("a.result", has_text="a.png").click()
        page.locator("canvas.layer").wait_for()
        expect(page.locator("#live")).to_contain_text("a.png")
        # Marks that the detector left open are accepted, where there are any.
        page.keyboard.press("g")
        page.keyboard.press("y")
        page.keyboard.press("b")
        for key in ("Space", *["ArrowRight"] * 6, "Space"):
            page.keyboard.press(key)
        page.keyboard.press("Shift+R")
        page.locator("#waiting").get_by_text("is being filled").wait_for()
        page.get_by_text("a.png is filled and waits in the queue").wait_for(timeout=240_000)
        page.locator("a.result", has_text="a.png").click()
        page.locator("canvas.layer").wait_for()
        assert "Filled with the mask of olga" in page.locator("aside").inner_text()
        page.keyboard.press("a")
        # It was the last one: the next is the queue.
        page.wait_for_selector("#queue:not([hidden])")
        expect(page.locator("a.result", has_text="a.png")).to_contain_text("Accepted", timeout=20_000)
        page.goto(f"{api.url}/plugin/restoration")
        page.frame_locator("iframe").locator("#queue h1").wait_for()
