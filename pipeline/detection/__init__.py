"""Find damage on scans; knows arrays and weights, nothing of ledgers or settings."""
