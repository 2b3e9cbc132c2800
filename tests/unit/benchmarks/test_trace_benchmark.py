"""The benchmark of traces, on a ledger of a few scans."""

from __future__ import annotations

import json

from benchmarks import trace


def test_a_small_ledger_is_filled_asked_and_proven(capsys) -> None:
    assert trace.main(["--scans", "1100", "--repeat", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["events"] == found["verified"]["events"] == 11_000
    assert len(found["medians_ms"]) == 15 and min(one["clock"] for one in found["medians_ms"].values()) > 0
