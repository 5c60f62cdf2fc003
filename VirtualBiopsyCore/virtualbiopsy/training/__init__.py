"""From a table of features and labels to a .radmodel (the only room that imports scikit-learn)."""
