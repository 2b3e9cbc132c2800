"""Print what `restore` did, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from pipeline.cli.console import stdout_console
from pipeline.escape import visible
from pipeline.ledger import Outcome

if TYPE_CHECKING:
    from pipeline.stages.run_summary import RunSummary

MEANING = {
    Outcome.RESTORED: "damage filled, all else bit-identical",
    Outcome.UNCHANGED: "nothing certain enough to be filled, no copy made",
    Outcome.REVIEW: "damaged all over, or a mask or file in doubt: nothing was filled",
    Outcome.QUARANTINED: "the file or its mask cannot be used; a copy and the reason are in quarantine/",
    Outcome.FAILED: "an error in the program; run with --redo once it is fixed",
}
IGNORED = {"system": "of systems and unfinished copies", "sidecar": "sidecars", "chosen": "by ignore"}
# Problems told, and names of each.
ATTENTION_LINES, NAMED = 10, 5


def print_run_summary(summary: RunSummary) -> None:
    """Print outcomes, figures, and what needs attention."""
    console = stdout_console()
    if not summary.received:
        known = "1 scan was" if summary.known == 1 else f"{summary.known} scans were"
        done = f"{known} done before" if summary.known else "there is no file in the inbox"
        console.print(f"Nothing new: {done}.", markup=False)
    else:
        console.print(_outcome_table(summary))
        for line in (*_suggestion_lines(summary), *_quality_lines(summary)):
            console.print(line, markup=False)
    problems = _problems(summary)
    for scans in problems[:ATTENTION_LINES]:
        console.print(Text(f"  {_attention_line(scans)}"))
    if left := sum(map(len, problems[ATTENTION_LINES:])):
        console.print(f"  … and {left} more, see the report", markup=False)
    for one in summary.unused_masks[:ATTENTION_LINES]:
        console.print(Text(f"  {'unused mask':11} {visible(one['path'], 80)}: {one['reason']}"))
    if len(summary.unused_masks) > ATTENTION_LINES:
        left = len(summary.unused_masks) - ATTENTION_LINES
        console.print(f"  … and {left} more unused masks, see the report", markup=False)
    if summary.ignored:
        count = sum(summary.ignored.values())
        files = "1 file that is no scan was" if count == 1 else f"{count} files that are no scans were"
        kinds = ", ".join(f"{n} {IGNORED[kind]}" for kind, n in sorted(summary.ignored.items()))
        console.print(f"{files} left out ({kinds}).", markup=False)
    if summary.outdated:
        made = "1 result was" if summary.outdated == 1 else f"{summary.outdated} results were"
        console.print(
            f"{made} made with an earlier recipe or version and kept; --redo does everything again.", markup=False
        )
    if summary.elsewhere:
        console.print(f"{summary.elsewhere} scans are being restored by another run.", markup=False)
    if summary.more:
        console.print("More scans are waiting: run the same command again.", markup=False)
    if summary.report:
        console.print(f"results  {summary.output}\nreport   {summary.report}/report.pdf", markup=False)


def _problems(summary: RunSummary) -> list[list[dict[str, str]]]:
    """Return the scans that need attention, those with the same problem together."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for scan in summary.attention:
        groups.setdefault((scan["outcome"], scan["problem"]), []).append(scan)
    return list(groups.values())


def _attention_line(scans: list[dict[str, str]]) -> str:
    """Return one problem and the scans that have it."""
    first = scans[0]
    if len(scans) == 1:
        return f"{first['outcome']:11} {visible(first['path'], 80)}: {first['reason']}"
    names = ", ".join(visible(scan["path"], 60) for scan in scans[:NAMED])
    rest = f" and {len(scans) - NAMED} more" if len(scans) > NAMED else ""
    return f"{first['outcome']:11} {len(scans)} files: {first['problem']} {names}{rest}"


def _outcome_table(summary: RunSummary) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for outcome, count in summary.outcomes.items():
        if count:
            table.add_row(outcome, str(count), f"[dim]{MEANING[Outcome(outcome)]}[/dim]")
    before = f", {summary.known} were done before" if summary.known else ""
    table.add_row("received", str(summary.received), f"[dim]in {summary.seconds:.1f} s{before}[/dim]")
    return table


def _suggestion_lines(summary: RunSummary) -> list[str]:
    """Return the lines about marks that were not filled, and why, if there are any."""
    scans, marks = summary.suggested["scans"], summary.suggested["marks"]
    if not scans:
        return []
    who = "1 scan carries" if scans == 1 else f"{scans} scans carry"
    what = "1 mark that was" if marks == 1 else f"{marks} marks that were"
    look = "look at it" if marks == 1 else "look at them"
    lines = [f"{who} {what} not filled: {look} (marked in the report, masks in suggestions/)"]
    if summary.left:
        from pipeline.reports.language import Language
        from pipeline.reports.suggestions import describe_reasons

        lines.append(f"left as they are: {describe_reasons(summary.left, Language('en'))}")
    return lines


def _quality_lines(summary: RunSummary) -> list[str]:
    """Return the lines about quality that was measured, and about time."""
    lines = []
    for name, label, unit in (("psnr", "PSNR", " dB"), ("ssim", "SSIM", "")):
        if found := summary.metrics.get(name):
            known = "1 known original" if found["images"] == 1 else f"{found['images']:.0f} known originals, median"
            text = f"{label} against {known}: {found['median']:.3f}{unit}"
            if telea := summary.metrics.get(f"telea_{name}"):
                text += f" (Telea on the same masks {telea['median']:.3f}{unit})"
            lines.append(text)
    if found := summary.metrics.get("estimate_psnr"):
        who = "1 repair" if found["images"] == 1 else f"{found['images']:.0f} repairs"
        lines.append(f"PSNR of {who} whose original is not known, estimated, median: {found['median']:.1f} dB")
    spent = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in summary.seconds_by_stage.items())
    return [*lines, f"seconds: {spent}"] if spent else lines
