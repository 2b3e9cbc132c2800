"""Painting: rough strokes, the marks under them, and the mask that follows."""
