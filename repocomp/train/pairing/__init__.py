"""How a small pack decides for a generator that reads: drafts by each action, held against the truth, and the fit."""
