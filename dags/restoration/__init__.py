"""What the DAG files share: one DAG per collection, its task graph, retries and mail."""
