"""The .radmodel format, its checks, and inference in numpy."""
