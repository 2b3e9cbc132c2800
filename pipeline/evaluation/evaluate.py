"""Engines side by side on the same pictures and masks, as a frame of figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine, Job, inpaint, load_engine, paste
from pipeline.metrics import l1, psnr, sharpness, ssim

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "picture", "mask", "engine", "hole_ratio", "bin", "psnr", "ssim", "l1", "psnr_hole", "l1_hole", "ssim_hole",
    "sharpness", "seconds",
)  # fmt: skip
EDGES = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
PEAK = 255.0


@dataclass(frozen=True)
class Case:
    """A clean picture (H,W,3) uint8 and a hole (H,W) bool of the same size, each with a name."""

    picture: str
    mask: str
    clean: NDArray[np.uint8]
    hole: NDArray[np.bool_]


def ratio_bin(ratio: float) -> str:
    """The bin of a hole's share of the picture (0..1), e.g. ``"10-20 %"``."""
    for low, high in pairwise(EDGES):
        if ratio <= high:
            return f"{low * 100:g}-{high * 100:g} %"
    return f"{EDGES[-2] * 100:g}-100 %"


def restore(engine: Engine, case: Case) -> NDArray[np.uint8]:
    """The picture (H,W,3) uint8 restored as the pipeline does it: windows around the hole, known pixels untouched."""
    damaged = case.clean.copy()
    damaged[case.hole] = 0
    mask = case.hole.astype(np.uint8) * np.uint8(255)
    (filled,) = inpaint([Job(case.picture, damaged, mask)], engine)
    restored: NDArray[np.uint8] = np.rint(paste(damaged, mask, filled) * PEAK).astype(np.uint8)
    return restored


def measure(case: Case, restored: NDArray[np.uint8]) -> dict[str, float]:
    """The figures of a restored picture against the clean one, whole and in the hole only.

    PSNR in dB, SSIM as in Wang 2004, L1 as a share of the range, sharpness as the share of fine detail that is there.
    A perfect fill has infinite PSNR; that is kept, not hidden.
    """
    mask = case.hole.astype(np.uint8)
    known = {"data_range": PEAK, "differing": mask}
    return {
        "psnr": psnr(case.clean, restored, **known),  # type: ignore[arg-type]
        "ssim": ssim(case.clean, restored, **known),  # type: ignore[arg-type]
        "l1": l1(case.clean, restored, **known),  # type: ignore[arg-type]
        "psnr_hole": psnr(case.clean, restored, data_range=PEAK, mask=mask),
        "l1_hole": l1(case.clean, restored, data_range=PEAK, mask=mask),
        "ssim_hole": ssim(case.clean, restored, data_range=PEAK, mask=mask),
        "sharpness": sharpness(restored, mask, original=case.clean),
    }


def _rows(
    cases: Iterable[Case], engines: dict[str, Engine], seen: Callable[[Case, str, NDArray[np.uint8]], None] | None
) -> Iterator[dict[str, Any]]:
    for case in cases:
        ratio = float(case.hole.mean())
        for name, engine in engines.items():
            started = time.perf_counter()
            restored = restore(engine, case)
            seconds = time.perf_counter() - started
            if seen is not None:
                seen(case, name, restored)
            yield {
                "picture": case.picture, "mask": case.mask, "engine": name, "hole_ratio": ratio,
                "bin": ratio_bin(ratio), **measure(case, restored), "seconds": seconds,
            }  # fmt: skip


def evaluate(
    cases: Iterable[Case],
    engines: Sequence[str] | dict[str, Engine],
    *,
    seen: Callable[[Case, str, NDArray[np.uint8]], None] | None = None,
) -> pd.DataFrame:
    """A frame with one row per case and engine, columns :data:`COLUMNS`.

    ``engines`` are names that ``load_engine`` knows, or loaded engines by any name. Cases are taken one by one, so
    that they need not all be in memory; a case without a hole is left out. ``seen`` gets each restored picture, for
    sheets and progress. Raises ``ConfigurationError`` on an unknown engine and ``WeightsError`` on bad weights, both
    before any work.
    """
    import pandas as pd

    loaded = engines if isinstance(engines, dict) else {name: load_engine(name) for name in engines}
    with_hole = (case for case in cases if case.hole.any())
    return pd.DataFrame(list(_rows(with_hole, loaded, seen)), columns=list(COLUMNS))


def interval(values: NDArray[np.float64]) -> float:
    """Half the width of the 95 % interval of the mean (normal approximation); ``nan`` under two values."""
    return 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def summarise(frame: pd.DataFrame, by: str = "bin") -> pd.DataFrame:
    """The means by ``by`` and engine, with the number of pictures and the 95 % interval of PSNR over pictures.

    A picture that occurs with several masks counts once: its mean. Infinite PSNRs are left out of the means.
    """
    figures = list(COLUMNS[5:])
    finite = frame.replace([np.inf, -np.inf], np.nan)
    per_picture = finite.groupby([by, "engine", "picture"], sort=False)[figures].mean()
    grouped = per_picture.groupby(level=[0, 1], sort=False)
    means = grouped.mean()
    means.insert(0, "pictures", grouped.size())
    means.insert(2, "psnr_95", grouped["psnr"].agg(lambda values: interval(values.dropna().to_numpy(np.float64))))
    result: pd.DataFrame = means
    return result
