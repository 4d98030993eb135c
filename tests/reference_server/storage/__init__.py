"""What every store keeps, and the writer in front of it."""
