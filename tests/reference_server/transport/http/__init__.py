"""The HTTP routes over a real socket."""
