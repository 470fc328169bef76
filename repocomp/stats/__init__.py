"""Statistics: resampling, classification, regression, off-policy estimates and tests by betting; plain arrays only."""
