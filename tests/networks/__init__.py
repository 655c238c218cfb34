"""Tests of lungseg/networks."""
