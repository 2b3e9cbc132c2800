"""Work on arrays of pixels: components, sizes, rectangles, luminance; knows nothing of scans or settings."""
