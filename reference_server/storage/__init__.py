"""Where things are kept: `base` is the interface, `sqlite` the embedded store, `writer` the group commit."""
