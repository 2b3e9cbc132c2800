"""Draw the loss curves of a run from its CSV files."""

from __future__ import annotations

from pathlib import Path

from pipeline.training.common.csv_log import read_rows
from pipeline.training.inpainter.losses import LossWeights


def draw_curves(out: Path, baselines: dict[str, float]) -> Path:
    """Draw ``curves.png`` in the run's folder from its ``progress.csv`` and ``validation.csv`` and return its path.

    The upper half shows the training loss and its terms by pixels seen, the lower one the validation PSNR, with that of
    the classical engines as level lines. Before the first report the upper half is empty.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    upper, lower = figure.subplots(2, 1)
    pixels_per_step = 1.0
    if (out / "progress.csv").exists():
        frame = read_rows(out / "progress.csv")
        pixels_per_step = float(frame["pixels"].iloc[-1]) / max(1.0, float(frame["step"].iloc[-1]))
        window = max(1, len(frame) // 30)
        for name in ("loss", *LossWeights.__dataclass_fields__):
            if name in frame:
                mean = frame[name].rolling(window, min_periods=1).mean()
                # A line through one point would not be seen.
                upper.plot(frame["pixels"] / 1e9, mean, label=name, marker="." if len(frame) < 30 else None)
        upper.set_yscale("log")
        upper.legend(ncol=4, fontsize=8)
    upper.set_ylabel("training loss, running mean")
    if (out / "validation.csv").exists():
        frame = read_rows(out / "validation.csv")
        lower.plot(frame["step"] * pixels_per_step / 1e9, frame["psnr"], marker="o", label="rn (averaged weights)")
    for index, (name, value) in enumerate(baselines.items()):
        lower.axhline(value, linestyle=(0, (4, 1 + index)), color=f"C{index + 1}", label=f"{name} {value:.2f}")
    lower.legend(fontsize=8)
    lower.set_ylabel("PSNR of held-out pictures, dB")
    lower.set_xlabel("pixels seen, 10⁹")
    target = out / "curves.png"
    figure.savefig(target, dpi=110)
    return target
