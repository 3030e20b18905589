"""What building and testing the project needs and the package does not; run from the repository's root."""
