-- The ledger outlives Airflow's database, so it is one of its own.
CREATE DATABASE ledger OWNER restoration;
