"""What all tests share: Hypothesis gives no verdict on how fast this machine is."""

from hypothesis import settings

settings.register_profile("msgcheck", deadline=None)
settings.load_profile("msgcheck")
