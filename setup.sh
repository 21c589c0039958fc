#!/bin/sh
# sh setup.sh run|lint|test: make the virtual environment .venv, install what is needed, find a browser for the tests.
# Safe to repeat: a step whose inputs have not changed is skipped.
set -eu
cd "$(dirname "$0")"
goal=${1:-run}
venv=.venv

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

as_root() { # run a command as root, or fail without asking for a password where nobody can type one
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then sudo "$@"
    else return 1
    fi
}

apt() { # install Debian or Ubuntu packages
    command -v apt-get >/dev/null || return 1
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

find_python() { # the first Python >= 3.11, PYTHON before all others
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if recent "$name"; then command -v "$name"; return; fi
    done
    fail "Python 3.11 or newer is needed. On Debian or Ubuntu: sudo apt-get install python3 python3-venv;" \
        "on macOS: brew install python@3.13. A Python elsewhere: PYTHON=/path/to/python3 make $goal"
}

make_venv() {
    recent "$venv/bin/python" && return
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        say "This Python cannot make virtual environments; installing $package."
        apt "$package" || fail "Please install it yourself, then repeat: sudo apt-get install $package"
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
}

installed() { # are these requirement files the very ones that were installed?
    for file; do
        [ -f "$venv/$file.stamp" ] && [ "$(cksum <"$file")" = "$(cat "$venv/$file.stamp")" ] || return 1
    done
}

install() {
    installed "$@" && return
    say "installing $* (a few minutes the first time)"
    quiet=
    [ -t 2 ] || quiet=--quiet
    arguments=
    for file; do arguments="$arguments -r $file"; done
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install --disable-pip-version-check $quiet $arguments ||
        fail "The packages could not be installed (see above). Is there a network? Repeating is safe."
    for file; do cksum <"$file" >"$venv/$file.stamp"; done
}

find_browser() { # one that playwright can drive: a Chromium or Chrome of the system, or playwright's own
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return
    done
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && return
    "$venv/bin/python" -c 'import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p: sys.exit(not pathlib.Path(p.chromium.executable_path).exists())' 2>/dev/null
}

get_browser() {
    find_browser && return
    [ -f "$venv/no-browser" ] && { say "no browser, so its tests are skipped (rm $venv/no-browser to try again)"; return; }
    say "installing Chromium for the browser tests"
    # Ubuntu's chromium package is only a pointer to a snap, which containers cannot run.
    { grep -qs '^ID=debian' /etc/os-release && apt chromium; } ||
        { as_root "$venv/bin/python" -m playwright install-deps chromium || true
          "$venv/bin/python" -m playwright install chromium; } || true
    find_browser || { touch "$venv/no-browser"; say "no browser could be installed, so its tests are skipped"; }
}

case $goal in
    run) make_venv; install requirements.txt ;;
    lint) make_venv; install requirements-test.txt requirements.txt ;;
    test) make_venv; install requirements-test.txt requirements.txt; get_browser ;;
    *) fail "usage: sh setup.sh run|lint|test" ;;
esac
