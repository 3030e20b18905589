"""The command line: parses and renders, nothing else. Each command's module is imported only when it runs."""
