"""Every kind of master keeps every property, as other programs read master and derivative."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.carried import ABSENT, KEPT, KINDS, PROPERTIES, measure_kinds, programs, to_table

pytestmark = pytest.mark.slow

#: What a format cannot hold.
NOT_THERE = {("WebP, RGB", "IPTC")}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    if missing := programs():
        pytest.skip(f"not installed: {', '.join(missing)}")
    return measure_kinds(tmp_path_factory.mktemp("carried"))


@pytest.mark.parametrize("name", KINDS)
def test_a_derivative_keeps_what_its_master_has(name: str, found: dict[str, dict[str, str]]) -> None:
    if KINDS[name].refused:
        assert found[name]["outcome"].startswith("quarantined: ") and KINDS[name].refused in found[name]["outcome"]
        return
    assert found[name] == {one: ABSENT if (name, one) in NOT_THERE else KEPT for one in PROPERTIES}


def test_the_table_has_a_row_for_every_kind(found: dict[str, dict[str, str]], tmp_path: Path) -> None:
    assert len(to_table(found).splitlines()) == 2 + len(KINDS)
