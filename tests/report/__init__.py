"""Tests of lungseg/report."""
