"""The ways to change a document: JSON patch, merge patch, strategic merge patch and server-side apply.

The twin's server calls these with a document and a request's body. All return new documents that share what did not
change, and never change what they are given.
"""
