"""The parameters of a collection's run, as the trigger form shows them."""

from __future__ import annotations

from airflow.sdk import Param


def params() -> dict[str, Param]:
    """Return the parameters of a run, each with its title, description and limits."""
    return {
        "source": Param(
            None,
            type=["null", "string"],
            title="Only this folder or file",
            description="A folder or file below the inbox, or a URI, to take scans from instead of the whole inbox.",
        ),
        "limit": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Maximum number of scans",
            description="The rest waits for the next run.",
        ),
        "since": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Only scans newer than",
            description="Scans whose file was last changed before this time are left for another run.",
        ),
        "redo": Param(
            False,
            type="boolean",
            title="Restore finished scans again",
            description="Also takes scans that the ledger knows as done with this recipe.",
        ),
    }
