"""Trying a connection layer by layer: name, TCP, TLS, HTTP; from this machine or from inside a pod."""
