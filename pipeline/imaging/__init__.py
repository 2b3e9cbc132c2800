"""Arrays of pixels and what is the same for all that works on them."""
