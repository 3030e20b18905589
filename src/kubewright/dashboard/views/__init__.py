"""Screens as rows: each file turns caches into what is shown, without I/O and without deciding anything."""
