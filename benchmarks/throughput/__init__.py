"""Throughput of whole runs: what a scan costs beside what its network costs."""
