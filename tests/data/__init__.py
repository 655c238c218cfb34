"""Tests of lungseg/data."""
