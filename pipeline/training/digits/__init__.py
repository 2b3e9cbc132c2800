"""Train the digit networks: the paper's DCGAN, the region network, and the classifier that reads their fills."""
