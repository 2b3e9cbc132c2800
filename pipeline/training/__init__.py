"""Training: data, losses, loop, checkpoints, evaluation and model cards."""
