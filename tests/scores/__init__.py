"""Tests of lungseg/scores."""
