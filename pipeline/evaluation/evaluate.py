"""Compare engines on the same pictures and masks, as a frame of figures."""

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
BIN_EDGES = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
PEAK = 255.0


@dataclass(frozen=True)
class EvaluationCase:
    """A clean picture (H,W,3) uint8 and a hole (H,W) bool of the same size, each with a name."""

    picture: str
    mask: str
    clean: NDArray[np.uint8]
    hole: NDArray[np.bool_]


OnRestored = Callable[[EvaluationCase, str, NDArray[np.uint8]], None]


def ratio_bin(ratio: float) -> str:
    """Return the bin of a hole's share of the picture (0..1), e.g. ``"10-20 %"``."""
    for low, high in pairwise(BIN_EDGES):
        if ratio <= high:
            return f"{low * 100:g}-{high * 100:g} %"
    return f"{BIN_EDGES[-2] * 100:g}-100 %"


def restore(engine: Engine, case: EvaluationCase) -> NDArray[np.uint8]:
    """Return the picture (H,W,3) uint8 restored as in the pipeline: windows around the hole, known pixels untouched."""
    damaged = case.clean.copy()
    damaged[case.hole] = 0
    mask = case.hole.astype(np.uint8) * np.uint8(255)
    (filled,) = inpaint([Job(case.picture, damaged, mask)], engine)
    restored: NDArray[np.uint8] = np.rint(paste(damaged, mask, filled) * PEAK).astype(np.uint8)
    return restored


def measure(case: EvaluationCase, restored: NDArray[np.uint8]) -> dict[str, float]:
    """Return the figures of a restored picture against the clean one, whole and hole-only.

    PSNR in dB, SSIM as in Wang 2004, L1 as a share of the range, sharpness as the share of the original's fine detail.
    A perfect fill has infinite PSNR.
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
    cases: Iterable[EvaluationCase], engines: dict[str, Engine], on_restored: OnRestored | None
) -> Iterator[dict[str, Any]]:
    """Yield the figures of each case and engine."""
    for case in cases:
        ratio = float(case.hole.mean())
        for name, engine in engines.items():
            started = time.perf_counter()
            restored = restore(engine, case)
            seconds = time.perf_counter() - started
            if on_restored is not None:
                on_restored(case, name, restored)
            yield {
                "picture": case.picture, "mask": case.mask, "engine": name, "hole_ratio": ratio,
                "bin": ratio_bin(ratio), **measure(case, restored), "seconds": seconds,
            }  # fmt: skip


def evaluate(
    cases: Iterable[EvaluationCase],
    engines: Sequence[str] | dict[str, Engine],
    *,
    on_restored: OnRestored | None = None,
) -> pd.DataFrame:
    """Return a frame with one row per case and engine, columns :data:`COLUMNS`.

    Args:
        cases: taken one by one, so that they need not all be in memory; a case without a hole is left out.
        engines: names that ``load_engine`` knows, or loaded engines by any name.
        on_restored: called with a case, the engine's name and the restored picture, for sheets and progress.

    Raises:
        ConfigurationError: an engine is unknown; before any work.
        WeightsError: weights are missing or damaged; before any work.
    """
    import pandas as pd

    loaded = engines if isinstance(engines, dict) else {name: load_engine(name) for name in engines}
    with_hole = (case for case in cases if case.hole.any())
    return pd.DataFrame(list(_rows(with_hole, loaded, on_restored)), columns=list(COLUMNS))


def confidence_half_width(values: NDArray[np.float64]) -> float:
    """Return half the width of the mean's 95 % interval (normal approximation); ``nan`` below two values."""
    return 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _half_width(values: pd.Series[float]) -> float:
    return confidence_half_width(np.asarray(values.dropna(), np.float64))


def summarise(frame: pd.DataFrame, by: str = "bin") -> pd.DataFrame:
    """Return the means by ``by`` and engine, with the number of pictures and the 95 % interval of PSNR over pictures.

    A picture that occurs with several masks counts once: its mean. Infinite PSNRs are left out of the means.
    """
    figures = list(COLUMNS[5:])
    finite = frame.replace([np.inf, -np.inf], np.nan)
    per_picture = finite.groupby([by, "engine", "picture"], sort=False)[figures].mean()
    grouped = per_picture.groupby(level=[0, 1], sort=False)
    means = grouped.mean()
    means.insert(0, "pictures", grouped.size())
    means.insert(2, "psnr_95", grouped["psnr"].agg(_half_width))
    result: pd.DataFrame = means
    return result
