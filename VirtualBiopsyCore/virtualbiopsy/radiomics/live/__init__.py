"""Features of an outline that is being edited, from counts that follow the edit."""
