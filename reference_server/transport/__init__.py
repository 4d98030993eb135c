"""The wire: HTTP on Quart, the realtime channel on two transports, one listener in front of both."""
