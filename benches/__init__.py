"""Benchmarks: `make bench-NAME`; each prints a JSON object last."""
