-- The ledger outlives Airflow's database, so it has its own database.
CREATE DATABASE ledger OWNER restoration;
