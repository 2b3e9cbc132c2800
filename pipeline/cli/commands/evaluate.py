"""`evaluate CLEAN MASKS`: compare engines side by side against known originals."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli.arguments import json_option
from pipeline.cli.console import nothing_done_on_error, print_json, progress_bar, stderr_console
from pipeline.cli.values import PATH
from pipeline.cli.verbs import Verb

# Columns of the figures, and their headings in the printed table.
COLUMNS = {
    "psnr": "PSNR dB",
    "psnr_95": "± 95 %",
    "ssim": "SSIM",
    "l1": "L1",
    "psnr_hole": "PSNR hole",
    "ssim_hole": "SSIM hole",
    "l1_hole": "L1 hole",
    "sharpness": "sharpness",
    "seconds": "seconds",
}
DEFAULT_ENGINES = ("rn", "telea", "navier-stokes", "biharmonic", "prior")

EPILOG = """\
exit codes: 0 done; 2 there is nothing to evaluate, or an engine cannot be loaded (the reason is named)

example: evaluate clean/ masks/ --engine rn --engine telea --csv figures.csv"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument("clean", metavar="CLEAN", type=PATH, help="folder of undamaged pictures")
@click.argument("masks", metavar="MASKS", type=PATH, help="folder of masks, 255 = hole")
@click.option(
    "--engine",
    "engines",
    metavar="NAME",
    multiple=True,
    help=f"may be repeated; default {', '.join(DEFAULT_ENGINES)}",
)
@click.option("--csv", type=PATH, metavar="FILE", help="write one line per picture and engine to this file")
@json_option
def command(clean: Path, masks: Path, engines: tuple[str, ...], csv: Path | None, as_json: bool) -> int:
    """Damage clean pictures with the masks, restore them with each engine, and print PSNR (dB, with the 95 % interval
    over pictures), SSIM and L1, whole and hole-only, by hole-ratio bin.

    Masks are paired with pictures by path and stem where the names agree, otherwise in turn.
    """
    from pipeline import storage
    from pipeline.evaluation.evaluate import evaluate, summarise
    from pipeline.evaluation.evaluation_cases import pair_cases

    with nothing_done_on_error():
        if csv:
            storage.refuse_overlap(str(csv), str(clean), str(masks))
            _refuse_foreign(csv)
        with progress_bar(stderr_console()) as progress:
            task = progress.add_task("restorations", total=None)
            frame = evaluate(
                pair_cases(clean, masks),
                engines or DEFAULT_ENGINES,
                on_restored=lambda case, engine, restored: progress.advance(task),
            )
        if frame.empty:
            raise ValueError("no mask has a hole: there is nothing to evaluate")
        if csv:
            frame.to_csv(csv, index=False)
    overall = summarise(frame.assign(bin="all"))
    for table in (summarise(frame), overall):
        shown = table[["pictures", *COLUMNS]].rename(columns=COLUMNS)
        print(shown.to_string(float_format=lambda value: f"{value:.4g}"), end="\n\n")
    if as_json:
        means = overall.droplevel(0)
        figures = {str(name): {key: float(row[key]) for key in COLUMNS} for name, row in means.iterrows()}
        print_json({"pictures": int(frame["picture"].nunique()), "engines": figures})
    return 0


def _refuse_foreign(csv: Path) -> None:
    """Return unless there is a file that this verb has not written.

    Raises:
        ValueError: there is one.
    """
    if csv.exists() and not csv.read_bytes().startswith(b"picture,"):
        raise ValueError(f"{csv} was not written by evaluate and is kept: choose another file")
