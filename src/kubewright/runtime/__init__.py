"""Mechanism: watch, cache, queue, reconcile, lead, report. It knows no feature."""
