"""The roles and bindings that a fresh control plane makes: written for the twin, or compared with it."""
