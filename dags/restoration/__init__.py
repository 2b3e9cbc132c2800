"""What the DAG files share: the factory, the task graph, retries and mail."""
