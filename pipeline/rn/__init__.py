"""Region Normalization: layers, two-stage generator, discriminator, prior; arrays and tensors only."""
