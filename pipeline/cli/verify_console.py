"""Print what verifying the ledger found, or return it for JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pipeline.cli.console import NothingDone, print_json, stdout_console
from pipeline.escape import visible

if TYPE_CHECKING:
    from pipeline.ledger.verify import Verification, Witness

HEAD = re.compile(r"(\d{1,18}):([0-9a-fA-F]{8,64})")
# Findings that are printed of one collection; JSON has all.
MOST = 20


def parse_head(text: str) -> Witness:
    """Return a head as reports and mails print it, `123:ab12…`; eight digits of the sha256 suffice.

    Raises:
        NothingDone: it has another form.
    """
    from pipeline.ledger.verify import Witness

    found = HEAD.fullmatch(text.strip())
    if found is None:
        raise NothingDone(f"--head: {text!r} is no number and sha256, as 123:0a1b2c3d…")
    return Witness(int(found[1]), found[2], f"--head {text.strip()}")


def print_verified(found: Iterable[Verification], as_json: bool) -> bool:
    """Print what was found, one collection after the other; return whether everything is whole."""
    console, whole, documents = stdout_console(), True, []
    for one in found:
        whole &= one.is_whole
        if as_json:
            documents.append(_as_json(one))
            continue
        name = one.collection or "(the ledger as a whole)"
        state = "whole" if one.is_whole else "NOT WHOLE"
        console.print(Text(f"{name}: {one.head.position:,} events, {state}", style="bold"))
        console.print(
            Text(f"  {one.witnessed:,} reports or heads agree, {one.results:,} results agree with their events")
        )
        console.print(Text(f"  last event {one.head}"))
        for finding in one.findings[:MOST]:
            console.print(Text(f"  {finding.fault}: {visible(finding.sentence, 500)}", style="red"))
        if len(one.findings) > MOST:
            console.print(Text(f"  … and {len(one.findings) - MOST:,} more; --json has all"))
    if as_json:
        print_json({"whole": whole, "collections": documents})
    return whole


def _as_json(one: Verification) -> dict[str, Any]:
    return {
        "collection": one.collection,
        "whole": one.is_whole,
        "position": one.head.position,
        "sha256": one.head.sha256,
        "witnessed": one.witnessed,
        "results": one.results,
        "findings": [asdict(finding) for finding in one.findings],
    }
