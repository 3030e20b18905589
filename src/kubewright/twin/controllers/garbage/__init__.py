"""The garbage collector: what is owned goes with its owner, in three ways."""
