"""Teams' queues: who may have how much, whose turn it is, and who has to give back. Pure decisions on plain amounts."""
