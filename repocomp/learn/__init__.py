"""Learning in one repository: replays and feedback become parameters, and a gate lets through what is proven."""
