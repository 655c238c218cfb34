"""A variant by name -> a network."""
