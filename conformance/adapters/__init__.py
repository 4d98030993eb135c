"""Protocol bindings: `base` says what the engine asks of one, `messenger` speaks the Messenger API."""
