"""`python -m clipforget`; see clipforget.cli.main."""

import sys

from clipforget.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
