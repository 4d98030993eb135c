"""The wire: sessions over every channel, HTTP over a socket."""
