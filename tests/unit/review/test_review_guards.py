"""Nobody gets in without a user, and nothing changes but by JSON from our own pages."""

from __future__ import annotations

from fastapi.routing import APIRoute

from pipeline.review.request_checks import POLICY
from pipeline.review.token_access import TokenAccess

VALUES = {
    "result": "1",
    "which": "original",
    "level": "0",
    "column": "0",
    "row": "0",
    "name": "style.css",
    "collection": "c",
}


def routes(page):
    """Yields method and address of every route."""
    for route in page.application.routes:
        assert isinstance(route, APIRoute), f"{route} is open: it asks nobody who they are"
        path = route.path.replace("{name:path}", "{name}")
        for method in route.methods - {"HEAD", "OPTIONS"}:
            yield method, path.format(**VALUES) + ("?id=1" if path.endswith("/some") else ""), route.path


def body_of(method: str, document: dict[str, object]) -> dict[str, object]:
    """Returns what is sent: nothing, JSON, or a file."""
    if method == "GET":
        return {}
    if method == "PUT":
        headers = {"content-type": "application/octet-stream"}
        return {"content": b"x", "params": {"folder": "box", "name": "a.png"}, "headers": headers}
    return {"json": document}


def test_every_route_asks_for_the_user(page) -> None:
    found = list(routes(page))
    assert len(found) > 10
    for method, path, _ in found:
        answer = page.request(method, path, user=None, **body_of(method, {}))
        assert answer.status_code == 401, f"{method} {path} answers {answer.status_code} without a user"


def test_a_viewer_sees_but_does_not_decide(page) -> None:
    result = page.results()["box/marked.png"]
    for method, path, template in routes(page):
        body = {"version": result["version"], "verdict": "accept"}
        if template.endswith("/painting"):
            body = {"version": result["version"], "painting": {}}
        if template.endswith("/again"):
            body = {"version": result["version"]}
        if template.endswith("/snap"):
            continue  # changes nothing
        if "/inboxes/" in template:
            body = {"folder": "box"} | ({"files": []} if template.endswith("/check") else {})
        answer = page.request(method, path, user="viewer", **body_of(method, body))
        wanted = 200 if method == "GET" else 403
        assert answer.status_code == wanted, f"{method} {path}: {answer.status_code} {answer.text[:200]}"
    assert page.results() == {"box/marked.png": result} | {"box/painted.png": page.results()["box/painted.png"]}


def test_other_sites_and_forms_are_refused(page) -> None:
    result = page.results()["box/marked.png"]
    path, body = f"/api/results/{result['id']}/decision", {"version": result["version"], "verdict": "accept"}
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert page.request("POST", path, json=body, headers=headers).status_code == 403
    assert page.request("POST", path, data={"version": 0, "verdict": "accept"}).status_code == 415
    assert page.request("GET", path).status_code == 405
    large = page.request("POST", path, json=body | {"note": "x" * 65_000_000})
    assert large.status_code == 413 and "more strokes" in large.json()["detail"]
    own = {"origin": "http://review", "sec-fetch-site": "same-origin"}
    assert page.request("POST", path, json=body, headers=own).status_code == 200


def test_browsers_are_told_to_load_nothing_from_elsewhere(page) -> None:
    answer = page.request("GET", "/")
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY and "http" not in answer.text.replace("http-equiv", "")


def test_no_path_of_a_request_reaches_the_disk(page) -> None:
    for name in ("../application.py", "..%2fapplication.py", "%2e%2e/application.py", "/etc/passwd", "vendor/../../x"):
        assert page.request("GET", f"/static/{name}").status_code in (404, 405)
    assert page.request("GET", "/api/results/1/tiles/%2e%2e/0/0_0.jpg").status_code in (404, 422)
    assert page.request("GET", "/api/results/1/tiles/original/0/9999_0.jpg").status_code == 404
    assert page.request("GET", "/api/results/999999").status_code == 404


def test_a_token_lets_in_once(page) -> None:
    from pipeline.review.application import create_application

    access = TokenAccess()
    page.application = create_application(access, page.project.ledger, page.project.output / "x", page.started)
    assert page.request("GET", "/api/me", user=None).status_code == 401
    assert page.request("GET", "/login?token=wrong", user=None).status_code == 401
    token = access.token
    answer = page.request("GET", f"/login?token={token}", user=None)
    assert answer.status_code == 303 and "httponly" in answer.headers["set-cookie"].lower()
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert page.request("GET", "/api/me", user=None, headers={"cookie": cookie}).status_code == 200
    assert page.request("GET", f"/login?token={token}", user=None).status_code == 401
    assert page.request("GET", "/login?token=", user=None).status_code == 401


def test_numbers_that_are_no_ids_name_nothing(page) -> None:
    for number in (0, -1, 2**63, 10**30):
        assert page.request("GET", f"/api/results/{number}").status_code == 404
        assert page.request("GET", f"/api/some?id={number}").status_code in (200, 404)
