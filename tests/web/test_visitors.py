"""Cookies that only this server signs, and names with passwords from a file."""

import base64

import pytest

from clipforget.errors import BadSetting
from clipforget.web.visitors import COOKIE, new_visitor, read_users, set_cookie, user_of, visitor_key, visitor_of

KEY = b"k" * 32


def basic(text, kind="Basic"):
    return f"{kind} {base64.b64encode(text.encode()).decode()}"


def test_only_a_cookie_that_this_server_signed_names_a_visitor():
    value = new_visitor(KEY)
    name, signature = value.split(".")
    assert visitor_of(f"a=b; {COOKIE}={value}; c=d", KEY) == name
    forged = ["", COOKIE, f"{COOKIE}=", f"{COOKIE}={name}", f"{COOKIE}={name}.", f"{COOKIE}={name[::-1]}.{signature}"]
    forged += [f"{COOKIE}={name}.{signature[:-1]}x", f"{COOKIE}={name}.\u00e4", f"{COOKIE}=\ud800.x", "=;;=\x00"]
    assert [visitor_of(cookie, KEY) for cookie in forged] == [None] * len(forged)
    assert visitor_of(f"{COOKIE}={value}", b"o" * 32) is None
    assert "SameSite=Lax" in set_cookie(value, framed=False) and "SameSite=None; Secure" in set_cookie(value, True)


def test_the_key_is_kept_from_others_and_over_a_restart(tmp_path):
    runs = tmp_path / "runs"
    key = visitor_key(runs)
    assert len(key) == 32 and visitor_key(runs) == key != visitor_key(tmp_path)
    (file,) = runs.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadSetting, match="Cannot keep the key"):
        visitor_key(file / "runs")


def test_names_and_passwords_are_read_from_a_file(tmp_path):
    file = tmp_path / "users"
    file.write_text("# who may\nann:a:b c\n\nb\u00e9a:\u732b\n", encoding="utf-8")
    users = read_users(file)
    assert (
        user_of(basic("ann:a:b c"), users) == "ann" and user_of(basic("b\u00e9a:\u732b", "basic"), users) == "b\u00e9a"
    )
    wrong = [basic("ann:x"), basic("ann:"), basic("ann"), basic(":"), basic("bob:a:b c"), basic("ann:a:b c", "Bearer")]
    for authorization in ("", "Basic", "Basic ?", "Basic \u00e4", "Basic //79", *wrong):
        assert user_of(authorization, users) is None, authorization


@pytest.mark.parametrize("text", ["ann", "ann:", ":a", "ann:a\nann:b", "# nobody\n", ""])
def test_a_file_that_names_nobody_is_refused_without_its_secrets(tmp_path, text):
    file = tmp_path / "users"
    file.write_text(f"sue:secret\n{text}" if text.strip("#") and "nobody" not in text else text)
    with pytest.raises(BadSetting, match=r"name:password") as error:
        read_users(file)
    assert "secret" not in str(error.value)


def test_what_is_no_file_of_names_is_refused(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe:")
    for name in ("missing", ".", "bytes"):
        with pytest.raises(BadSetting, match="--auth-file"):
            read_users(tmp_path / name)
