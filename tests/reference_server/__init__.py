"""The reference server's tests, which mirror its package."""
