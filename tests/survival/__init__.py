"""What the reference server outlives: kills, a full disk, crowds that do not read, a clock that goes back.

Each test runs for seconds. With ``MSGCHECK_SURVIVAL=minutes`` in the environment (``make survival``) the
same tests go on longer and with more: what is then more is said by `scale`.
"""
