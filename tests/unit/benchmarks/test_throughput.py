"""The throughput benchmark: its inputs, its ratios, and the check against an earlier run."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from benchmarks.throughput.__main__ import _kept, ratios, run_label
from benchmarks.throughput.inputs import WHITE, Inbox, fill_inbox
from benchmarks.throughput.network_alone import _jobs, _windows
from benchmarks.throughput.regressions import find_regressions
from pipeline.engines import WindowLayout
from pipeline.engines.plan import plan


def test_an_inbox_has_the_size_and_the_damage_asked_for(tmp_path) -> None:
    folder = fill_inbox(Inbox(2, megapixels=0.3, damage=0.03, extension=".png"), tmp_path / "inbox")
    assert sorted(one.name for one in folder.iterdir()) == [
        "scan 00000.mask.png", "scan 00000.png", "scan 00001.mask.png", "scan 00001.png",
    ]  # fmt: skip
    scan, mask = (np.asarray(Image.open(folder / f"scan 00000{end}")) for end in (".png", ".mask.png"))
    assert mask.size == pytest.approx(300_000, rel=0.01) and scan.shape == (*mask.shape, 3)
    assert 0.03 <= np.count_nonzero(mask) / mask.size < 0.05 and (scan[mask > 0] == WHITE).all()


def test_a_ratio_that_grew_by_more_than_fifteen_percent_is_a_regression() -> None:
    before = {"a": 1.0, "b": 2.0, "only before": 1.0}
    assert find_regressions(before, {"a": 1.14, "b": 1.0, "only now": 9.0}) == []
    assert find_regressions(before, {"a": 1.16, "b": 2.0}) == ["a: 1.16, before 1.00 (+16%)"]


def test_ratios_say_how_the_cost_grows_with_the_work() -> None:
    rows = [{"scans": count, "processors": 10.0 + count, "peak": 100.0} for count in (10, 160)]
    found = ratios({"collection": rows, "memory": rows})
    assert found == {
        "collection: cost doubled over scans doubled": pytest.approx(170 / 20 / 16),
        "memory: most over fewest scans": 1.0,
    }


def test_runs_are_compared_with_those_in_their_own_precision() -> None:
    def measured(precision: str, cost: float) -> dict[str, float]:
        run = {
            "masks": "painted", "scans": 24, "runtime": f"openvino 2026.4.1 {precision} on cpu",
            "over_network": {"clock": 1.0, "processors": cost},
        }  # fmt: skip
        return ratios({"runs": {run_label(run): run}})

    before = measured("bf16", 1.5)
    assert list(before) == ["painted masks, bfloat16, 24 scans: over network, processor seconds"]
    # A slower network makes all the rest look cheap, and a quicker one dear.
    assert find_regressions(before, measured("f32", 9.0)) == []
    assert find_regressions(before, measured("bf16", 1.8)) == [f"{next(iter(before))}: 1.80, before 1.50 (+20%)"]


def test_parts_that_are_not_measured_again_are_kept(tmp_path) -> None:
    (tmp_path / "page.json").write_text(json.dumps({"memory": [], "parts": {"memory": {"load": 1.0}}}))
    page = tmp_path / "page.md"
    kept = {"memory": [], "parts": {"memory": {"load": 1.0}}, "runs": {}}
    assert _kept(argparse.Namespace(keep=True, page=page)) == kept
    for changed in ({"keep": False, "page": page}, {"keep": True, "page": None}):
        assert _kept(argparse.Namespace(**changed)) == {"parts": {}, "runs": {}}


def test_the_network_alone_fills_the_windows_of_the_damage(tmp_path) -> None:
    folder = fill_inbox(Inbox(2, megapixels=0.1, damage=0.03, extension=".png"), tmp_path / "inbox")
    layout = WindowLayout(sizes=(128, 256), context=32, depth=12, batch_pixels=1, calls=2)
    jobs = list(_jobs(folder))
    calls = _windows(iter(jobs), layout)
    planned = [window for job in jobs for window in plan(job.mask, layout).windows]
    assert sorted(holes.shape for _, holes in calls) == sorted((1, *window.shape) for window in planned)
    assert all(holes.any() and not images[holes].any() for images, holes in calls)
