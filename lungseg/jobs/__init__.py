"""What a job says, remembers and mirrors."""
