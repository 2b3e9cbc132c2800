"""Train the inpainting network."""
