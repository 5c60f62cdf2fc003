"""Validation of methods: splits, nested fits, held-out scores, figures of merit, and guards against leaks."""
