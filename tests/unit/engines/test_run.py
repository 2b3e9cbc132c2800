from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Lock

import cv2
import numpy as np
import pytest
from skimage import data

from pipeline.engines import Engine, Filled, Job, WindowLayout, inpaint, load_engine, paste
from pipeline.engines.blend import blend, cut_patch
from pipeline.engines.interface import BoolMask, FloatImage
from pipeline.engines.plan import Window
from pipeline.engines.run import HOPELESS
from pipeline.engines.window_runner import AHEAD_CALLS
from pipeline.imaging.rectangles import Rect

pytestmark = pytest.mark.slow

CLASSICAL = ("telea", "navier-stokes", "biharmonic", "prior")


@pytest.fixture(params=[*CLASSICAL, "rn"])
def engine(request: pytest.FixtureRequest, weights: Path) -> Engine:
    return load_engine(request.param, weights=str(weights), device="cpu", backend="torch")


def scratched(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape[:2], np.uint8)
    for _ in range(3):
        ends = [(int(rng.integers(0, shape[1])), int(rng.integers(0, shape[0]))) for _ in range(2)]
        cv2.line(mask, ends[0], ends[1], 255, int(rng.integers(1, 4)))
    cv2.circle(mask, (shape[1] // 3, shape[0] // 2), 5, 255, -1)
    return mask


def only(colour: np.ndarray, mask: np.ndarray, engine: Engine) -> tuple[Filled, FloatImage]:
    (filled,) = inpaint([Job("scan", colour, mask)], engine)
    return filled, paste(colour, mask, filled)


def error(filled: FloatImage, truth: np.ndarray, mask: np.ndarray) -> float:
    return float(np.sqrt(((filled - truth / np.float32(255))[mask != 0] ** 2).mean()))


def test_damage_is_filled_plausibly_and_nothing_else_changes(engine: Engine) -> None:
    truth = data.astronaut()[::2, ::2]
    mask = scratched(truth.shape)
    damaged = np.where(mask[:, :, None] != 0, np.uint8(255), truth)
    filled, result = only(damaged, mask, engine)
    assert np.array_equal(result[mask == 0], (truth / np.float32(255))[mask == 0])
    assert error(result, truth, mask) < 0.5 * error(damaged / np.float32(255), truth, mask)
    assert len(filled.windows) >= 1 and filled.seconds > 0 and filled.notes == []
    assert filled.pixels.shape == (np.count_nonzero(mask), 3) and filled.pixels.dtype == np.float32


def test_pixels_inside_the_hole_never_matter(engine: Engine) -> None:
    truth = data.astronaut()[::2, ::2].astype(np.float32) / 255
    mask = scratched(truth.shape)
    white, noise = truth.copy(), truth.copy()
    white[mask != 0] = 1
    noise[mask != 0] = np.nan
    assert np.array_equal(only(white, mask, engine)[1], only(noise, mask, engine)[1])


def test_a_result_does_not_depend_on_other_scans(engine: Engine) -> None:
    pictures = [data.astronaut()[:200, :200], data.coffee()[:200, :200], data.chelsea()[:200, :200]]
    jobs = [Job(str(i), p, scratched(p.shape, i)) for i, p in enumerate(pictures)]
    together = list(inpaint(jobs, engine))
    assert [filled.key for filled in together] == ["0", "1", "2"]
    for job, filled in zip(jobs, together, strict=True):
        (alone,) = inpaint([job], engine)
        assert filled.windows == alone.windows
        assert np.abs(filled.pixels - alone.pixels).max() <= 0.25 / 255


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (17, 300), (65, 63)])
def test_any_size_is_filled(engine: Engine, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 90, np.uint8)
    mask = np.zeros(shape, np.uint8)
    mask[shape[0] // 2, shape[1] // 2] = 255
    filled, result = only(picture, mask, engine)
    assert result.shape == (*shape, 3) and np.isfinite(result).all()
    if shape == (1, 1):
        assert filled.notes == [HOPELESS] and filled.windows == [] and filled.pixels.shape == (0, 3)
    elif engine.name != "rn":  # the random weights know nothing of constant pictures
        assert np.abs(result - 90 / 255).max() < 2 / 255


def test_the_largest_hole_is_filled(engine: Engine) -> None:
    picture = np.full((160, 200, 3), 0.25, np.float32)
    mask = np.full((160, 200), 255, np.uint8)
    mask[0, 0] = 0
    _, result = only(picture, mask, engine)
    assert np.isfinite(result).all() and result.min() >= 0 and result.max() <= 1
    if engine.name != "rn":
        assert np.abs(result - 0.25).max() < 0.02


def test_no_damage_costs_no_window(engine: Engine) -> None:
    picture = data.astronaut()[:40, :40]
    filled, result = only(picture, np.zeros((40, 40), np.uint8), engine)
    assert filled.windows == [] and filled.pixels.shape == (0, 3)
    assert np.array_equal(result, picture / np.float32(255))


@pytest.mark.parametrize("kind", ["grey", "grey-alpha", "rgba", "uint16", "float"])
def test_every_kind_of_pixel(kind: str) -> None:
    rgb = data.astronaut()[:100, :100]
    grey = rgb[:, :, 1]
    picture = {
        "grey": grey,
        "grey-alpha": np.dstack([grey, np.full_like(grey, 7)]),
        "rgba": np.dstack([rgb, np.full_like(grey, 7)]),
        "uint16": rgb.astype(np.uint16) * 257,
        "float": rgb / np.float32(255),
    }[kind]
    expected = np.dstack([grey] * 3) if kind.startswith("grey") else rgb
    mask = scratched(grey.shape)
    engine = load_engine("telea")
    _, result = only(picture, mask, engine)
    _, reference = only(expected, mask, engine)
    assert np.abs(result - reference).max() < 1e-6
    if kind.startswith("grey"):
        assert np.array_equal(result[:, :, 0], result[:, :, 2])


def test_sixteen_bits_are_not_rounded_to_eight() -> None:
    ramp = np.linspace(20000, 20512, 200).astype(np.uint16)
    picture = np.tile(ramp, (100, 1))
    mask = np.zeros(picture.shape, np.uint8)
    mask[:, 90:96] = 255
    for name in CLASSICAL:
        _, result = only(picture, mask, load_engine(name))
        assert np.abs(result[:, :, 0] * 65535 - picture)[mask != 0].max() < 40  # a grey level of 8 bits is 257


def test_values_that_are_not_finite_do_not_spread_and_stay(engine: Engine) -> None:
    picture = data.astronaut()[:128, :128].astype(np.float32) / 255
    picture[30:34, 30:34] = np.nan
    picture[60, 60] = np.inf
    mask = np.zeros((128, 128), np.uint8)
    mask[25:45, 40:44] = 255
    _, result = only(picture, mask, engine)
    assert np.isfinite(result[mask != 0]).all()
    assert np.array_equal(result[mask == 0], picture[mask == 0], equal_nan=True)


def test_a_mask_of_another_size_is_refused() -> None:
    job = Job("plate", np.zeros((10, 12, 3), np.float32), np.zeros((12, 10), np.uint8))
    with pytest.raises(ValueError, match="plate"):
        list(inpaint([job], load_engine("telea")))


class Flat:
    """Fills with one value per level of the window, and remembers its batches."""

    name, digest, runtime = "flat", "0" * 64, "test"
    layout = WindowLayout(sizes=(64, 128), context=32, depth=16, batch_pixels=4 * 64 * 64)

    def __init__(self, limit: int | None = None, spare: Engine | None = None) -> None:
        self.batches: list[int] = []
        self.limit, self.spare = limit, spare

    def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
        if self.limit is not None and len(images) > self.limit:
            raise MemoryError
        assert (~holes).any(axis=(1, 2)).all()
        self.batches.append(len(images))
        return np.full_like(images, 0.5)

    def fallback(self) -> Engine | None:
        return self.spare


def spots(count: int) -> list[Job]:
    mask = np.zeros((64, 64), np.uint8)
    mask[30, 30] = 255
    return [Job(str(i), np.zeros((64, 64, 3), np.uint8), mask) for i in range(count)]


def test_windows_of_different_scans_share_batches() -> None:
    engine = Flat()
    assert len(list(inpaint(spots(10), engine))) == 10
    assert engine.batches == [4, 4, 2]


def test_jobs_are_taken_as_they_are_needed() -> None:
    taken = 0

    def endless() -> Iterator[Job]:
        nonlocal taken
        for job in spots(100):
            taken += 1
            yield job

    stream = inpaint(endless(), Flat())
    next(stream)
    assert taken == 4 * (AHEAD_CALLS + 1)
    stream.close()


def test_progress_counts_windows() -> None:
    counts: list[int] = []
    list(inpaint(spots(10), Flat(), progress=counts.append))
    assert sum(counts) == 10


def test_running_out_of_memory_halves_the_batch_and_is_noted() -> None:
    engine = Flat(limit=1)
    results = list(inpaint(spots(8), engine))
    assert max(engine.batches) == 1 and len(engine.batches) == 8
    assert "half as many" in results[0].notes[0]
    assert results[-1].notes == []  # what was learnt is kept


def test_running_out_of_memory_for_a_single_window_uses_the_fallback() -> None:
    spare = Flat()
    results = list(inpaint(spots(8), Flat(limit=0, spare=spare)))
    assert any("went on with test" in note for note in results[0].notes)
    assert sum(spare.batches) == 8
    with pytest.raises(MemoryError):
        list(inpaint(spots(1), Flat(limit=0)))


def test_tiles_leave_no_seam() -> None:
    """A fill that differs from window to window must change smoothly where windows meet."""

    class Stepped(Flat):
        def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
            levels = np.linspace(0.2, 0.8, len(images), dtype=np.float32)
            return np.broadcast_to(levels[:, None, None, None], images.shape).copy()

    mask = np.zeros((400, 600), np.uint8)
    mask[190:210, 20:580] = 255
    job = Job("scan", np.zeros((400, 600, 3), np.uint8), mask)
    (filled,) = inpaint([job], Stepped(), batch_pixels=1 << 24)
    result = paste(job.colour, mask, filled)
    line = result[200, 20:580, 0]
    assert line.max() - line.min() > 0.3
    assert np.abs(np.diff(line)).max() < 0.6 / 16


def test_a_wide_hole_is_filled_from_smaller_scales_without_a_step() -> None:
    picture = np.broadcast_to(np.linspace(0.2, 0.8, 600, dtype=np.float32)[None, :, None], (600, 600, 3)).copy()
    mask = np.zeros((600, 600), np.uint8)
    cv2.circle(mask, (300, 300), 150, 255, -1)
    filled, result = only(picture, mask, load_engine("prior"))
    assert len(filled.windows) > 1
    assert np.abs(result - picture).max() < 0.12
    assert np.abs(np.diff(result[300, :, 0])).max() < 0.03


def test_a_window_without_anything_intact_is_widened() -> None:
    """With holes far deeper than the context, whole windows are inside the hole; the engine must never get one."""

    class Deep(Flat):
        layout = WindowLayout(sizes=(64, 128), context=32, depth=1000)

    mask = np.zeros((700, 900), np.uint8)
    mask[100:600, 100:] = 255
    _, result = only(np.zeros((700, 900, 3), np.uint8), mask, Deep())
    assert np.abs(result[mask != 0] - 0.5).max() < 1 / 65535 and not result[mask == 0].any()


def test_memory_of_blending_depends_on_the_damage_not_on_the_windows() -> None:
    mask = np.zeros((2048, 2048), np.uint8)
    mask[::256, ::256] = 255
    cores = [Rect(top, left, top + 1024, left + 1024) for top in (0, 1024) for left in (0, 1024)]
    patches = [cut_patch(Window(core, core, 0), np.full((1024, 1024, 3), 0.5, np.float32), mask) for core in cores]
    # A window at native scale keeps the pixels that the scan takes from it, also those in the overlap.
    assert [len(patch.pixels) for patch in patches] == [16] * 4
    whole = Rect(0, 0, 2048, 2048)
    patches.append(cut_patch(Window(whole, whole, 3), np.ones((256, 256, 3), np.float32), mask))
    tracemalloc.start()
    pixels = blend(patches, mask, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pixels.shape == (64, 3) and np.abs(pixels - 0.75).max() < 1 / 65535  # half of each
    assert peak < 2048 * 2048 * 3, "less than one byte a value of the scan"


def test_a_scan_whose_intact_pixels_are_not_finite_is_refused_by_name() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:9, 5:9] = 255
    with pytest.raises(ValueError, match="plate"):
        list(inpaint([Job("plate", np.full((40, 40, 3), np.nan, np.float32), mask)], load_engine("telea")))


def test_windows_are_filled_as_many_at_a_time_as_the_engine_asks_for() -> None:
    both = Barrier(2, timeout=60)

    class Paired(Flat):
        layout = WindowLayout(sizes=(64,), context=32, depth=16, batch_pixels=1, calls=2)

        def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
            both.wait()
            return super().fill(images, holes)

    engine = Paired()
    assert [filled.key for filled in inpaint(spots(10), engine)] == [str(number) for number in range(10)]
    assert engine.batches == [1] * 10


def test_no_more_windows_are_filled_at_a_time_than_the_caller_allows() -> None:
    running = Lock()

    class Single(Flat):
        layout = WindowLayout(sizes=(64,), context=32, depth=16, batch_pixels=1, calls=2)

        def fill(self, images: FloatImage, holes: BoolMask) -> FloatImage:
            assert running.acquire(blocking=False)
            try:
                return super().fill(images, holes)
            finally:
                running.release()

    assert len(list(inpaint(spots(10), Single(), calls=1))) == 10
