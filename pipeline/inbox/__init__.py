"""Find new files in a collection's inbox, with their companion files, once they are delivered completely."""
