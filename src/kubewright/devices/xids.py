"""NVIDIA's XIDs: the errors that its driver reports, and whose they are."""

from __future__ import annotations

APPLICATION_XIDS = frozenset({13, 31, 43, 45, 68, 109})
"""Errors of a program, not of the GPU it ran on: the GPU stays healthy (NVIDIA's list of XIDs)."""
