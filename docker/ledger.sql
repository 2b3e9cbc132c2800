-- The ledger outlives Airflow's database, so it has a database of its own.
CREATE DATABASE ledger OWNER restoration;
