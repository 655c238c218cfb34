"""Masks -> numbers per film."""
