"""Tests of lungseg/films."""
