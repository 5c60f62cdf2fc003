"""What the page looks like: one file for each part of it, no logic."""
