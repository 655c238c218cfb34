"""Benchmarks: each a command that writes a table into results/."""
