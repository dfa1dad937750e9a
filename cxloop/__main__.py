"""`python -m cxloop`: the same as `cxloop`."""

from cxloop.cli import main

if __name__ == "__main__":
    main(prog_name="cxloop")
