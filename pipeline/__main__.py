"""`python -m pipeline`: the library from a shell."""

import sys

from pipeline.cli import main

if __name__ == "__main__":
    sys.exit(main())
