"""Train and measure the networks for handwritten digits; started by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param, dag, get_current_context, task

from dags.restoration.retry_policy import RETRY_ARGS

if TYPE_CHECKING:
    from pipeline.training.digits.run import DigitsOptions

NETWORKS = ("judge", "paper", "region")

DOC = """\
Trains three networks on the MNIST files of a folder: the classifier (*judge*) on whole digits, and the *paper*'s DCGAN
and our *region* network on digits with their middle cut out. Then *measure* fills all test digits with every method.
Weights with model cards and a report are written below the output:

|   |   |
|---|---|
| `weights/` | safetensors, model cards, losses |
| `reports/<batch>/` | `report.pdf`, `report.csv`, `report.parquet` |

A task that is cleared or retried resumes from its last checkpoint. With the defaults the run takes about forty
minutes on one and a half cores; with *digits* = 600 it shows within a minute whether everything is set up.
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
        description="A folder that all workers share. A run of the same seed in it is resumed.",
    ),
    "seed": Param(1, type="integer", minimum=0, title="Seed"),
    "digits": Param(
        None,
        type=["null", "integer"],
        minimum=12,
        title="Maximum number of digits",
        description="Of each set, for a short trial; empty for all.",
    ),
    "epochs": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Epochs",
        description="Of every network, for a short trial; empty for the epochs of the shipped weights.",
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
    default_args={"owner": "restoration", **RETRY_ARGS},
)
def train_digits() -> None:
    """Train the three networks side by side, then measure them."""

    @task(execution_timeout=timedelta(hours=6))
    def train(network: str) -> str:
        from pipeline.training.digits.run import train_network

        params = get_current_context()["params"]
        return str(train_network(network, Path(params["data"]), Path(params["output"]), _options()))

    @task
    def measure(weights: list[str]) -> dict[str, Any]:
        from pipeline.training.digits.run import measure_digits

        params = get_current_context()["params"]
        folder = Path(weights[0]).parent
        result = measure_digits(Path(params["data"]), Path(params["output"]), _options(), weights=folder)
        return {"report": str(result.files.pdf), "whole": result.evaluation.whole} | {
            f"{row.method} {row.hole}x{row.hole}": row.accuracy for row in result.evaluation.rows
        }

    # Airflow types the call of a task by the function's own parameters, although it passes on what tasks return.
    weights: Any = [train.override(task_id=f"train_{network}")(network) for network in NETWORKS]
    measure(weights)


def _options() -> DigitsOptions:
    """Return the options of the trigger form, with the name of the report's folder."""
    from pipeline.training.digits.run import DigitsOptions

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    return DigitsOptions(
        seed=params["seed"],
        epochs=dict.fromkeys(NETWORKS, params["epochs"]) if params["epochs"] else None,
        limit=params["digits"],
        resume=True,
        command=f"airflow dags trigger train_digits (seed {params['seed']})",
        batch=f"{run.run_after:%Y-%m-%dT%H%M%SZ}",
    )


train_digits()
