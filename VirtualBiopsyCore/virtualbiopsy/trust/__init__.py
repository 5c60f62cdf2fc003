"""Whether to trust a number: stability under small changes of the outline."""
