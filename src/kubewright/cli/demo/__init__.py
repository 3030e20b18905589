"""`kubewright demo`: an embedded cluster with a shop on it, things that go wrong, and what is done about them."""
