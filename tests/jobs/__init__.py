"""Tests of lungseg/jobs."""
