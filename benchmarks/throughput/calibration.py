"""How good the estimate of quality is: beside the true PSNR of repairs whose originals are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.speed import draw_damage
from benchmarks.throughput.inputs import WHITE, mirrored, paint
from pipeline import metrics
from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.engines.holdout_estimate import estimate
from pipeline.engines.pixels import to_float
from pipeline.settings import Recipe

SHARE = 0.029
#: Height and width of the pictures: a megapixel.
SIDES = (866, 1154)
#: Kinds of damage: thin lines all over, and as people paint it.
DAMAGE: dict[str, Callable[[int, int, float, int], NDArray[np.uint8]]] = {"lines": draw_damage, "painted": paint}


def calibrate(data: Path | None, pictures: int) -> list[dict[str, Any]]:
    """Return for each kind of damage how estimates compare with the truth, and what they cost.

    `correlation`, `bias` and `spread` (standard deviation, both in dB) are those of estimate minus truth over the
    pictures; `held` is how often the range from the tenth to the ninetieth percentile of the samples holds the truth.

    Args:
        data: folder with `bench/images`, pictures that no weights were trained on; None for scikit-image's.
        pictures: how many are taken.
    """
    engine = load_engine("rn", weights=Recipe().weights)
    counter = _Counter(engine)
    rows = []
    for kind, draw in DAMAGE.items():
        found = np.array([_one(engine, counter, picture, draw, seed) for seed, picture in _pictures(data, pictures)])
        truth, estimated, low, high, cost = found[np.isfinite(found).all(axis=1)].T
        off = estimated - truth
        rows.append({
            "damage": kind, "pictures": len(truth), "correlation": float(np.corrcoef(truth, estimated)[0, 1]),
            "bias": float(off.mean()), "spread": float(off.std()), "median_error": float(np.median(abs(off))),
            "held": float(((low <= truth) & (truth <= high)).mean()), "width": float((high - low).mean()),
            "cost_of_filling": float(cost.mean()),
        })  # fmt: skip
    return rows


class _Counter:
    """Counts the pixels of the windows that an engine fills."""

    def __init__(self, engine: Engine) -> None:
        self.pixels, fill = 0, engine.fill

        def counted(images: NDArray[np.float32], holes: NDArray[np.bool_]) -> NDArray[np.float32]:
            self.pixels += holes.size
            return fill(images, holes)

        engine.fill = counted  # type: ignore[method-assign]

    def taken(self) -> int:
        """Return the pixels since the last time."""
        found, self.pixels = self.pixels, 0
        return found


def _one(
    engine: Engine, counter: _Counter, picture: NDArray[np.uint8], draw: Callable[..., NDArray[np.uint8]], seed: int
) -> tuple[float, float, float, float, float]:
    """Return true PSNR, estimate, its range, and pixels of the estimate's windows over those of the damage."""
    mask = draw(*picture.shape[:2], SHARE, seed)
    damaged = np.where(mask[:, :, np.newaxis] > 0, np.uint8(WHITE), picture)
    counter.taken()
    (filled,) = inpaint([Job("", damaged, mask)], engine)
    cost = counter.taken()
    true = metrics.psnr(to_float(picture), paste(damaged, mask, filled), data_range=1.0, mask=mask)
    found = estimate(damaged, mask, engine, seed=seed)
    share = counter.taken() / cost if cost else math.nan
    return true, found.psnr, found.low, found.high, share


def _pictures(data: Path | None, count: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield numbers and photographs (H,W,3), spread over those that there are."""
    if data is None:
        import skimage.data

        own = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
        yield from ((number, mirrored(picture, *SIDES)) for number, picture in enumerate(own[:count]))
        return
    files = sorted(file for file in (data / "bench/images").rglob("*") if file.is_file())
    for number, file in enumerate(files[:: max(1, len(files) // count)][:count]):
        with Image.open(file) as image:
            yield number, mirrored(np.asarray(image.convert("RGB")), *SIDES)
