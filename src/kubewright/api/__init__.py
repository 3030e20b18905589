"""Nouns: typed Kubernetes objects and the pure rules that belong to them. No I/O."""
