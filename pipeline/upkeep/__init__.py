"""What an operator does beside the nightly runs: back up, measure disk use, prune, move, rename."""
