"""Tests of lungseg/learning."""
