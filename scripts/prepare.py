"""Create or migrate Airflow's database, and create the `gpu` pool unless it exists."""

import os


def main() -> None:
    """Migrate the metadata database and create the pool of inpainting."""
    # Airflow reads this when it is imported. At its default level a page of notices would hide an error.
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
