"""Collectors: what looks at others and turns what it sees into records."""
