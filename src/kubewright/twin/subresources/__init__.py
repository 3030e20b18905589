"""Subresources with a meaning of their own; `status` is an ordinary get, update and patch with its own fields."""
