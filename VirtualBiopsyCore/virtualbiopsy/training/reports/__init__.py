"""What is reported about a training run: scores of its quality, checklists, cards, figures, one HTML page."""
