"""`msgcheck bench`: what the reference server costs on this machine, against the targets.

    serving     a server in a process of its own, and what the operating system says of it
    device      a connected device that checks nothing, so that it costs little beside the server
    figures     what a benchmark gives, and the table of targets
    talking …   the benchmarks themselves
    cli         the command

It knows the server's command line and the Messenger API, and no code of the server's.
"""
