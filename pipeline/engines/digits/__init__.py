"""Fill the missing middle of handwritten digits."""
