"""What a case is: sequences by role, regions, clinical variables; how it is read from files."""
