"""The pipeline of one completion: the order of its steps, and the trimming of the answer."""
