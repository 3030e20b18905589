"""The drills, a file a theme."""
