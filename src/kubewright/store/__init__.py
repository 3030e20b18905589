"""Objects kept in memory: the index that caches use, the versioned store that the twin serves, and the patch kinds."""
