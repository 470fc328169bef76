"""Planted secrets go, ordinary code stays, and no line moves."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repocomp.secrets import REDACTED, entropy, redact

# Spelt in two halves so that no scanner takes this file for a leak.
RANDOM_40 = "wJalrXUtnFEMI/K7MDENG" + "+bPxRfiCYzEXAMPLEKy9"
SECRETS = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "github_pat_" + "a1B2c3D4e5F6g7H8i9J0k1",
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "xoxb-" + "123456789012-abcdefghij",
    "AIza" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R",
    "sk_live_" + "a1B2c3D4e5F6g7H8",
    "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "hf_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN",
    RANDOM_40,
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("frame", ["x = '{}'", "{}", "curl -H 'X: {}' host", "  {},"])
def test_known_shapes_are_replaced(secret: str, frame: str) -> None:
    assert redact(frame.format(secret)) == frame.format(REDACTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password = 'hunter2hunter2'", f"password = '{REDACTED}'"),
        ('"apiKey": "0a9s8d7f6g5h"', f'"apiKey": "{REDACTED}"'),
        ("DB_SECRET := '0a9s8d7f6g5h'", f"DB_SECRET := '{REDACTED}'"),
        ("postgres://bob:s3cr3t@db/x", f"postgres://bob:{REDACTED}@db/x"),
        ("Authorization: Bearer a1B2c3D4e5F6g7H8i9J0", f"Authorization: Bearer {REDACTED}"),
        (
            "k = '''-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAB==\n-----END RSA PRIVATE KEY-----'''\n",
            f"k = '''{REDACTED}\n\n\n'''\n",
        ),
        ("-----BEGIN PRIVATE KEY-----\ncut off", f"{REDACTED}\n"),
    ],
)
def test_secrets_known_by_their_place_are_replaced(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass()",
        "password = 'your password here'",
        "token = request.headers['x-token-name']",
        "tokenizer = Tokenizer.from_file('tokenizer.json')",
        "def test_authentication_is_required_when_user_is_anonymous_or_unknown(self): ...",
        "from very.long.package.path.to.some.module.of.the.project import something",
        "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
        "url = 'https://example.org/a/b/c'",
        "AUTH_USER_MODEL = 'accounts.User'",
        "SECRET_SETTINGS_MODULE_NAME = 'project.settings'",
    ],
)
def test_ordinary_code_stays(text: str) -> None:
    assert redact(text) == text


@given(st.lists(st.sampled_from([*SECRETS, "\n", "x = 1\n", "-----BEGIN PRIVATE KEY-----\n", "'", " "]), max_size=12))
def test_lines_stay_and_a_second_pass_changes_nothing(pieces: list[str]) -> None:
    text = "".join(pieces)
    once = redact(text)
    assert once.count("\n") == text.count("\n")
    assert redact(once) == once


@given(st.text(string.ascii_letters, min_size=1))
def test_entropy_lies_between_none_and_that_of_a_uniform_draw(text: str) -> None:
    assert 0.0 <= entropy(text) <= len(set(text)).bit_length() + 1e-9
    assert entropy(text[0] * 9) == 0.0


def test_entropy_of_two_equal_halves_is_one_bit() -> None:
    assert entropy("abab") == 1.0
