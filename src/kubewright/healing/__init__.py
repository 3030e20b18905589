"""The healer: from signals to named causes, plans, and proof that they helped."""
