"""Talking to an API server: one `Client` Protocol, over HTTP, in process, or recorded."""
