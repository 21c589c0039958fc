"""`python -m clipforget`; see clipforget.cli."""

import sys

from clipforget.cli import main

if __name__ == "__main__":
    sys.exit(main())
