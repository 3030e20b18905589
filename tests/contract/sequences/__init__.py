"""Random sequences of writes, done to a real API server and to the twin's and compared word by word."""
