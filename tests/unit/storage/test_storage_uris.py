"""URIs: schemes, joining names safely, and paths that are valid text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.storage import join, scheme
from pipeline.storage.entry import is_hidden, text_path
from pipeline.storage.uris import local_path, local_uri, split_bucket


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/a/b", "file"),
        ("a/b", "file"),
        ("file:///a/b", "file"),
        ("S3://bucket/key", "s3"),
        ("gs://bucket/key", "gs"),
        ("/odd/s3://x", "file"),
    ],
)
def test_scheme(uri: str, expected: str) -> None:
    assert scheme(uri) == expected


def test_a_file_uri_is_decoded_and_a_plain_path_is_not() -> None:
    assert local_path("file:///a/50%25%20b%23.png") == Path("/a/50% b#.png")
    assert local_path("/a/50%25.png") == Path("/a/50%25.png")
    assert local_path("file://localhost/a") == Path("/a")


def test_a_file_uri_of_another_host_is_refused() -> None:
    with pytest.raises(ValueError, match="host"):
        local_path("file://server/share/a.png")


def test_nothing_in_a_key_is_decoded() -> None:
    assert split_bucket("s3://b/50%25 #1?x=y&z@w:1/../ü.png") == ("b", "50%25 #1?x=y&z@w:1/../ü.png")


def test_an_undecodable_path_becomes_a_file_uri_that_opens_it() -> None:
    path = Path(os.fsdecode(b"/in/caf\xe9 %.png"))
    uri = local_uri(path)
    assert uri == "file:///in/caf%E9%20%25.png"
    assert local_path(uri) == path


@pytest.mark.parametrize("root", ["/out", "s3://bucket/out", "file:///out"])
@pytest.mark.parametrize("part", ["../x", "a/../../x", "/etc/passwd", "..", "a\0b"])
def test_join_refuses_to_leave_the_root(root: str, part: str) -> None:
    with pytest.raises(ValueError, match="not a name below"):
        join(root, part)


@pytest.mark.parametrize(
    ("root", "parts", "expected"),
    [
        ("/out", ("a", "b/c.png"), "/out/a/b/c.png"),
        ("/out/", ("./a//b",), "/out/a/b"),
        ("out", ("a",), "out/a"),
        ("file:///my%20out", ("50%25.png",), "/my out/50%25.png"),
        ("s3://b/out/", ("a#1?.png",), "s3://b/out/a#1?.png"),
        ("s3://b", ("a",), "s3://b/a"),
        ("s3://b/out", (), "s3://b/out"),
        ("/out", ("..a", "b.."), "/out/..a/b.."),
    ],
)
def test_join(root: str, parts: tuple[str, ...], expected: str) -> None:
    assert join(root, *parts) == expected


def test_most_paths_are_text_unchanged() -> None:
    for path in ("a/b c.png", "ü\"'<b>\n%41#?.png", "..a/b...png"):
        assert text_path(path) == path


def test_paths_that_are_not_text_or_leave_the_root_are_escaped() -> None:
    assert text_path(os.fsdecode(b"caf\xe9/50%\xff.png")) == "caf%E9/50%25%FF.png"
    assert text_path("../a//./b") == "%2E%2E/a/%2F/%2E/b"


@given(st.text(st.characters(), min_size=1, max_size=30))
def test_every_name_can_be_stored_and_joined_after_escaping(name: str) -> None:
    path = text_path(name)
    path.encode()
    assert join("s3://b/out", path).startswith("s3://b/out/")


def test_hidden() -> None:
    assert is_hidden(".work/a.png")
    assert is_hidden("a/.b/c.png")
    assert not is_hidden("a.b/c..png")
    assert not is_hidden("../a/./b.png")
