"""A person's own films -> masks and numbers; without torch."""
