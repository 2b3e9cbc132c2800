"""Trains and measures the networks for handwritten digits, when somebody asks for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, dag, get_current_context, task

from dags.restoration.retry_policy import RETRIES

if TYPE_CHECKING:
    from pipeline.training.digits.run import DigitsOptions

NETWORKS = ("judge", "paper", "region")

DOC = """\
Trains three networks on the MNIST files of a folder: the *judge*, which reads whole digits, the *paper*'s DCGAN and
our *region* network, which fill digits with their middle cut out. Then *measure* fills all test digits in every way
there is and writes weights with model cards and a report below the output:

|   |   |
|---|---|
| `weights/` | safetensors, model cards, losses |
| `reports/<batch>/` | `report.pdf`, `report.csv`, `report.parquet` |

A task that is cleared or tried again goes on from its last checkpoint. With the defaults it takes some forty minutes
of one core and a half; *digits* 600 shows in a minute that everything is in place.
"""

PARAMS = {
    "data": Param(
        type="string",
        minLength=1,
        title="Folder with the digits",
        description="The four IDX files of MNIST, plain or .gz.",
    ),
    "output": Param(
        type="string",
        minLength=1,
        title="Output",
        description="A folder that all workers share. One that holds a run of the same seed is gone on with.",
    ),
    "seed": Param(1, type="integer", minimum=0, title="Seed"),
    "digits": Param(
        None,
        type=["null", "integer"],
        minimum=12,
        title="At most so many digits",
        description="Of each set, for a trial; empty for all.",
    ),
    "epochs": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Epochs",
        description="Of every network, for a trial; empty for those of the shipped weights.",
    ),
}


@dag(
    dag_id="train_digits",
    dag_display_name="Train the digits",
    description="Trains and measures the networks of the engine dcgan-digits",
    doc_md=DOC,
    schedule=None,
    params=PARAMS,
    max_active_runs=1,
    tags=["training"],
    default_args={"owner": "restoration", **RETRIES},
)
def train_digits() -> None:
    """The task graph: three trainings side by side, then the measurement."""

    @task(execution_timeout=timedelta(hours=6))
    def train(network: str) -> str:
        from pipeline.training.digits.run import train_network

        asked = get_current_context()["params"]
        return str(train_network(network, Path(asked["data"]), Path(asked["output"]), _options()))

    @task
    def measure(weights: list[str]) -> dict[str, Any]:
        from pipeline.training.digits.run import measure_digits

        asked = get_current_context()["params"]
        folder = Path(weights[0]).parent
        result = measure_digits(Path(asked["data"]), Path(asked["output"]), _options(), weights=folder)
        return {"report": str(result.files.pdf), "whole": result.evaluation.whole} | {
            f"{row.method} {row.hole}x{row.hole}": row.accuracy for row in result.evaluation.rows
        }

    measure([train.override(task_id=f"train_{network}")(network) for network in NETWORKS])


def _options() -> DigitsOptions:
    """Return what the trigger form asked for, and the name of the report's folder."""
    from pipeline.training.digits.run import DigitsOptions

    context = get_current_context()
    asked, run = context["params"], context["dag_run"]
    return DigitsOptions(
        seed=asked["seed"],
        epochs=dict.fromkeys(NETWORKS, asked["epochs"]) if asked["epochs"] else None,
        limit=asked["digits"],
        resume=True,
        command=f"airflow dags trigger train_digits (seed {asked['seed']})",
        batch=f"{run.run_after:%Y-%m-%dT%H%M%SZ}",
    )


train_digits()
