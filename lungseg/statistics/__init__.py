"""Scores -> intervals, comparisons, ranks."""
