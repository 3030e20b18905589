"""The causes, a file a theme, each a small entry: its detector, its evidence, its remedies in escalating order."""
