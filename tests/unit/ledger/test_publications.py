"""Names in the output: unique, and permanent."""

from __future__ import annotations

import pytest

from pipeline.ledger import publications
from pipeline.ledger.database import Ledger


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["box/a.jpg", "box/a.png", "b.tif"], ["box/a", "box/a.png", "b"]),
        (["a.jpg", "a.png.tif", "a.png"], ["a", "a.png", "a~5b87e6d9"]),
        (["A.jpg", "a.jpg"], ["A", "a.jpg"]),
        (["Ä.jpg", "A\u0308.jpg"], ["Ä", "A\u0308.jpg"]),
        ([".hidden", "no extension"], [".hidden", "no extension"]),
        (["a.tif", "a.tif/b.tif", "a.tif/c/b.tif"], ["a", "a.tif", "a.tif"]),
        (["a.tif/b.tif", "a.tif"], ["a.tif/b", "a.tif"]),
    ],
)
def test_every_path_gets_a_unique_name(ledger: Ledger, make_scan, paths: list[str], stems: list[str]) -> None:
    with ledger.write() as session:
        got = [publications.reserve(session, "c", path, make_scan(session, path)) for path in paths]
        again = [publications.reserve(session, "c", path, make_scan(session, path)) for path in reversed(paths)]
    assert got == again[::-1]
    assert len({publications.key(stem) for stem in got}) == len(got)
    assert [stem.split("~")[0] for stem in got] == [stem.split("~")[0] for stem in stems]


def test_a_path_keeps_its_name_when_the_file_is_replaced(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        assert publications.reserve(session, "c", "a.png", make_scan(session, sha256="1" * 64)) == "a"
        assert publications.reserve(session, "c", "a.png", make_scan(session, sha256="2" * 64)) == "a"


def test_a_folder_never_has_the_name_of_a_published_file(ledger: Ledger, make_scan) -> None:
    with ledger.write() as session:
        reserve = lambda path: publications.reserve(session, "c", path, make_scan(session, path))  # noqa: E731
        assert [reserve(path) for path in ("a.tif", "a.tif/b.tif", "a.tif/c/d.tif")] == ["a", "a.tif~/b", "a.tif~/c/d"]
        assert [reserve(path) for path in ("e.PNG/b.tif", "e.PNG", "e.PNG/c.tif")] == ["e.PNG/b", "e.PNG", "e.PNG/c"]
        assert reserve("plain/b.tif") == "plain/b", "only a name that files of the output can have is given another"
