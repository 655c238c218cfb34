"""Tests of lungseg/statistics."""
