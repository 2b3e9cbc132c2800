"""The review application: its queue, its pictures and its brush, on the real server."""
