"""Log lines that no file name can forge."""

from __future__ import annotations

import math

import pytest

from pipeline import logs


@pytest.mark.parametrize("name", ["a\nscan=forged", "a\r\x1b[2K\u2028\u202eb", 'q" decision=restored', "caf\udce9"])
def test_no_name_forges_a_log_line(name: str) -> None:
    said = logs.scan_line(name, "0" * 64, "mask", "fill", {"coverage": 0.25, "note": "x\ny", "psnr": math.nan}, 1.5)
    assert len(said.splitlines()) == 1 and said.isprintable()
    assert said.startswith('stage=mask decision=fill scan="')
    assert said.endswith(' sha256=000000000000 coverage=0.25 note="x\\ny" seconds=1.500')
    assert said.count(" decision=fill ") == 1
    assert '" sha256=' in said and said.index('" sha256=') == said.index(" sha256=") - 1


def test_decision_and_reason_fit_where_a_narrow_window_cuts_off() -> None:
    said = logs.scan_line(
        "box/plate 17.tif", "a" * 64, "receive", "quarantined", {}, 0, reason="truncated", message="it is cut off"
    )
    assert said[:100].startswith('stage=receive decision=quarantined reason="truncated" scan="box/plate 17.tif"')
    assert 'message="it is cut off" sha256=aaaaaaaaaaaa' in said
