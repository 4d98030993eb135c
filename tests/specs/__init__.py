"""The published data: scenarios, requirements, schemas."""
