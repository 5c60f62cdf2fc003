"""Published cut-offs and rules, evaluated on a case, each with reference and caveat."""
