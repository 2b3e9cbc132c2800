"""Makes Airflow's database and the `gpu` pool; costs nothing when both are there already."""

from airflow.models.pool import Pool
from airflow.utils.db import check_migrations, upgradedb


def main() -> None:
    """Brings the metadata database up to date and creates the pool that inpainting takes its slots from."""
    try:
        check_migrations(timeout=0)
    except TimeoutError:
        upgradedb()
    if Pool.get_pool("gpu") is None:
        # Kept as it is when an operator has given it more slots.
        Pool.create_or_update_pool("gpu", slots=1, description="Inpainting, one at a time", include_deferred=False)


if __name__ == "__main__":
    main()
