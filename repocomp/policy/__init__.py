"""Every decision: whether to retrieve, which arms to ask and for how much, and whether to speak."""
