"""What the trigger form of a collection asks."""

from __future__ import annotations

from airflow.sdk import Param


def params() -> dict[str, Param]:
    """Return the parameters of a run, each with the words and limits that the trigger form shows."""
    return {
        "source": Param(
            None,
            type=["null", "string"],
            title="Only this folder",
            description="A folder below the inbox, or a URI, to take scans from in place of the whole inbox.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="At most so many scans",
            description="The rest waits for the next run.",
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Only scans newer than",
            description="Scans whose file was changed before this moment are left for another run.",
        ),
        "redo": Param(
            False,
            type="boolean",
            title="Do finished scans again",
            description="Restores also what the ledger knows as done with this recipe.",
        ),
    }
