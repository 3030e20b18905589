"""Volumes: claims are bound to them, they are made and taken back, and both are kept while they are in use."""
