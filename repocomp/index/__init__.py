"""Building the index: walking the tree, chunks, symbols, history and vectors."""
