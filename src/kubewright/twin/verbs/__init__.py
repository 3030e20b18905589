"""The verbs of resources: each takes a `Call` and returns a Response, or raises StatusError."""
