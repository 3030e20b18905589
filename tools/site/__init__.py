"""The documents as a site: what is written, and a reference that is made from commands and types when it is built."""
