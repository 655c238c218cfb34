"""A printed sentence or table and our tables -> a verdict."""
