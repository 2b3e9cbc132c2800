"""Makes Airflow's database and the `gpu` pool; what is there already stays as it is."""

import os


def main() -> None:
    """Bring the metadata database up to date and creates the pool that inpainting takes its slots from."""
    # Before Airflow is imported, which reads it once: a page of notices would hide the one that matters.
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")
    from airflow.models.pool import Pool
    from airflow.utils.db import check_migrations, upgradedb

    try:
        check_migrations(timeout=0)
    except TimeoutError:
        upgradedb()
    if Pool.get_pool("gpu") is None:
        Pool.create_or_update_pool("gpu", slots=1, description="Inpainting, one at a time", include_deferred=False)


if __name__ == "__main__":
    main()
