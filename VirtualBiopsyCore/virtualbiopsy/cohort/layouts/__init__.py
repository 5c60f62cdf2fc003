"""Layouts of cohorts: how public collections and plain tables name their files and columns."""
