"""Where films come from and how they are read, squared, split and checked."""
