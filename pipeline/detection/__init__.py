"""Find damage on scans. Knows arrays and weights, nothing of ledgers or settings."""
