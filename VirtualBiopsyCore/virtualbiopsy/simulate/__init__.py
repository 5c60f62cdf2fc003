"""In-silico cases and cohorts with known truth."""
