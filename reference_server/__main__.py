"""`python -m reference_server`: the command line of `cli`."""

from .cli import serve

if __name__ == "__main__":
    serve(prog_name="msgcheck serve")
