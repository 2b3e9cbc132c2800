"""The ablation of the normalisations, on tiny networks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import benchmarks.ablation.__main__ as ablation
from benchmarks.ablation import training
from benchmarks.ablation.__main__ import main
from benchmarks.ablation.cells import FAMILIES, Cell, Plan, equal_seconds, networks
from benchmarks.ablation.norm_variants import published_normalise
from benchmarks.ablation.pictures import FIGURES, RATIOS, RatioSet, scores
from benchmarks.ablation.report import outcome, read_cells, sections, summarise
from benchmarks.ablation.training import Trainee, build, measure_costs
from pipeline.rn.basic import BasicRegionNorm
from pipeline.rn.config import GeneratorConfig
from pipeline.rn.learned import LearnedRegionNorm
from pipeline.training.common.photos import load_photos
from pipeline.training.inpainter.batches import BatchMaker

TINY = GeneratorConfig(8, (1,), (16, 16, 16), (1, 1), (1,))
SMALL = ["--steps", "2", "--batch", "2", "--crop", "32", "--count", "2", "--holes", "4", "--families", "grey", "prior"]

FIGURES_OF_ONE = dict.fromkeys([*FIGURES, *(f"{name}@{ratio}" for name in FIGURES for ratio in RATIOS)], 1.0)


@pytest.fixture
def command(photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(ablation, "Trainee", lambda cell, **given: Trainee(cell, TINY, **given))
    monkeypatch.setattr(ablation, "measure_costs", Measured())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photos").symlink_to(photo_folder)
    return ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *SMALL]


class Measured:
    """Costs as if they had been measured: the first network of each family takes twice as long as the others."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, names: list[tuple[str, str]], *_: object) -> dict[str, float]:
        self.times += 1
        return {f"{family}-{norm}": 0.1 if norm == "region" else 0.05 for family, norm in names}


def test_cells_are_trained_once_and_reported(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*command, "--seeds", "1"]) == 0
    first = capsys.readouterr().out
    assert all(FAMILIES[family].title in first for family in ("grey", "prior"))
    # Both steps of the others take what one of Region Normalization takes.
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in first.splitlines() if "| 1 | 0." in line]
    assert {(line[0], line[2], line[3], line[-2]) for line in lines} >= {
        ("RN", "0.100", "2", "1"), ("none", "0.050", "2", "2"),
    }  # fmt: skip
    assert len(read_cells(out)) == 8 and not list((out / "checkpoints").glob("*.safetensors"))
    kept = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    assert main([*command, "--seeds", "2"]) == 0
    assert "| RN | 2 |" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == changed for path, changed in kept.items())
    assert len(read_cells(out)) == 16
    page = tmp_path / "ablation.md"
    assert main(["--out", str(out), "--report", "--page", str(page)]) == 0
    assert (out / "table.md").read_text().strip() in page.read_text() and "](ablation.png)" in page.read_text()
    for name in ("table.md", "table.csv", "curves.png"):
        assert (out / name).stat().st_size > 0
    assert main([*command, "--steps", "3"]) == 2
    assert "another plan" in capsys.readouterr().err


def test_a_cell_that_another_process_trains_is_left_to_it(command: list[str], tmp_path: Path) -> None:
    out, cell = tmp_path / "out", Cell("grey", "none", 1)
    with ablation.claim(out, cell) as mine:
        assert mine is not None
        with ablation.claim(out, cell) as other:
            assert other is None
        assert main([*command, "--seeds", "1"]) == 0
    assert cell not in read_cells(out) and len(read_cells(out)) == 7


def test_an_interrupted_cell_ends_as_one_without_a_break(photo_folder: Path, tmp_path: Path) -> None:
    photos = load_photos(photo_folder)
    plan, cell = Plan(4, 2, 32, 1, ""), Cell("prior", "batch", 1)
    data, maker = RatioSet(photos, size=32, count=1), BatchMaker(photos, 1, bank_holes=4)
    whole = training.train(Trainee(cell, TINY), plan, maker, data, tmp_path / "whole")
    half = Trainee(cell, TINY)
    begun = training.train(half, Plan(2, 2, 32, 1, ""), maker, data, tmp_path / "half")
    half.save(tmp_path / "half", begun.to_dict("records"))
    resumed = training.train(Trainee(cell, TINY), plan, maker, data, tmp_path / "half")
    assert resumed["psnr"].iloc[-1] == whole["psnr"].iloc[-1] and resumed["step"].iloc[-1] == 4


def test_costs_are_measured_for_every_network(photo_folder: Path) -> None:
    maker = BatchMaker(load_photos(photo_folder), 0, bank_holes=4)
    costs = measure_costs(networks(list(FAMILIES)), maker, Plan(1, 1, 32, 1, ""), rounds=1, config=TINY)
    assert len(costs) == 23 and all(value > 0 for value in costs.values())


def test_seconds_are_those_of_the_cheapest_network() -> None:
    costs = dict.fromkeys((f"prior-{norm}" for norm in FAMILIES["prior"].norms), 0.2)
    assert equal_seconds(Plan(100, 1, 32, 1, ""), {**costs, "prior-none": 0.1}, "prior") == 10


def test_a_network_of_two_families_is_trained_once_and_reported_in_both() -> None:
    names = networks(list(FAMILIES))
    assert len(set(names)) == len(names) and ("parts", "none") not in names and ("prior", "none") in names
    assert ("prior", "region") in networks(["parts"])
    cells = {Cell("prior", "none", 1): pd.DataFrame([{"step": 100, **FIGURES_OF_ONE}])}
    costs = dict.fromkeys(("-".join(name) for name in names), 0.1)
    rows = summarise(cells, Plan(100, 1, 32, 1, ""), costs)
    assert {(row["family"], row["norm"]) for row in rows.to_dict("records")} == {("prior", "none"), ("parts", "none")}


def test_networks_are_compared_with_the_same_seed() -> None:
    def cell(psnr: float, step: float) -> pd.DataFrame:
        return pd.DataFrame([{"step": 100, **FIGURES_OF_ONE, "psnr": psnr, "rim_step": step}])

    cells = {Cell("grey", "region", seed): cell(20.0 + seed, 2.0) for seed in (1, 2, 3)}
    # Seeds differ by a decibel, networks on the same seed by a tenth.
    cells |= {Cell("grey", "batch", seed): cell(19.9 + seed + seed / 1000, 2.0 + seed - 2) for seed in (1, 2)}
    cells |= {Cell("grey", "none", 3): cell(23.5, 1.5)}
    costs = dict.fromkeys(("-".join(name) for name in networks(list(FAMILIES))), 0.1)
    frame = summarise(cells, Plan(100, 1, 32, 1, ""), costs)
    batch, none = (frame[frame["norm"] == name].iloc[0] for name in ("batch", "none"))
    assert batch["steps_psnr_over"] == pytest.approx(-0.0985) and batch["steps_psnr_over_spread"] < 0.001
    assert none["steps_psnr_over"] == pytest.approx(0.5) and np.isnan(none["steps_psnr_over_spread"])
    section = outcome(frame)
    assert section is not None and max(map(len, section.body.splitlines())) <= 120
    words = " ".join(section.body.split())
    assert "PSNR of the hole: ahead of batch norm; behind none." in words
    assert "Step across the rim: level with batch norm; behind none. Edges: level with batch norm and none." in words
    assert "**-0.10 ± 0.00**" in sections(frame)[0].body and "| +0.50 |" in sections(frame)[0].body
    # Borders that are washed out, all of them: the stronger step is the better one.
    washed = outcome(frame.assign(steps_rim_step=frame["steps_rim_step"] / 4))
    assert washed is not None
    assert "Step across the rim: ahead of none; level with batch norm." in " ".join(washed.body.split())
    assert outcome(frame[frame["norm"] == "none"].assign(steps_psnr_over=np.nan)) is None


@pytest.mark.parametrize(("family", "norm"), networks(list(FAMILIES)))
def test_every_network_fills_the_hole_only(family: str, norm: str) -> None:
    torch.manual_seed(1)
    network = build(family, norm, TINY).eval()
    kinds = {type(one) for one in network.modules()}
    assert (BasicRegionNorm in kinds) == (
        norm in {"region", "basic", "first", "coarse", "unsettled", "mixture_rn", "mixture_none"}
    )
    assert (LearnedRegionNorm in kinds) == (
        norm in {"region", "learned", "affine_learned", "unsettled", "mixture_rn", "mixture_none"}
    )
    image, hole = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    hole[:, :, 8:20, 8:20] = 1
    with torch.no_grad():
        filled = network(image, hole)
        other = network(torch.where(hole > 0.5, torch.rand_like(image), image), hole)
    assert torch.equal(filled[(hole < 0.5).expand_as(image)], image[(hole < 0.5).expand_as(image)])
    assert filled.isfinite().all() and torch.equal(filled, other)


@pytest.mark.parametrize("over_batch", [True, False])
def test_each_region_has_mean_0_and_deviation_1(over_batch: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    values = 5 + 3 * torch.randn(3, 2, 16, 16, generator=generator)
    region = (torch.rand(3, 1, 16, 16, generator=generator) > 0.7).float()
    result = published_normalise(values, region, over_batch=over_batch)
    pictures = [slice(0, 3)] if over_batch else [slice(index, index + 1) for index in range(3)]
    for part in pictures:
        for where in (region[part, 0] > 0.5, region[part, 0] < 0.5):
            inside = result[part, 1][where]
            assert abs(float(inside.mean())) < 1e-4 and abs(float(inside.std(unbiased=False)) - 1) < 1e-3


def test_figures_of_a_perfect_and_of_a_flat_fill(photo_folder: Path) -> None:
    data = RatioSet(load_photos(photo_folder), size=64, count=2)
    for name, hole in zip(data.ranges, data.holes, strict=True):
        low, high = RATIOS[name]
        assert low <= hole.mean() <= high
    perfect = scores(data.pictures, data)
    assert perfect["psnr"] == pytest.approx(100) and perfect["ssim"] == pytest.approx(1)
    assert perfect["rim_step"] == pytest.approx(1) and perfect["edges"] == pytest.approx(1)
    flat = scores(np.full_like(data.pictures, 0.5), data)
    assert flat["psnr"] < 30 and flat["sharpness@30-60 %"] < 0.1 and flat["edges@30-60 %"] < 0.6
