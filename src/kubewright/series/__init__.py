"""What containers use and what applications serve, for whoever decides by it: one question, several places to ask."""
