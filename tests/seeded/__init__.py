"""Small operators of one kind, one of them right and the others each wrong in one way: what the harness is held to."""
