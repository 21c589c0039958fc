"""Start the page: the same as `clipforget app`, from a checkout and for Hugging Face Spaces. Nothing happens on import.

python app.py                     http://127.0.0.1:7860, opened in the browser
python app.py --host 0.0.0.0 --port 8000 --runs /data/runs --no-browser
"""

import sys

from clipforget.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))
