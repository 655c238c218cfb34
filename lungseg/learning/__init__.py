"""One seeded run, its weights, its predictions."""
