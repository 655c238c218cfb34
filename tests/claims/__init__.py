"""Tests of lungseg/claims."""
