"""Where can this pod run, and where best? Everybody who places, or asks what would happen, asks here. Pure."""
