"""Secrets are known by whole words of a name, and only text is one."""

from __future__ import annotations

import string
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlm_jupyter.core.secrets import is_secret, looks_secret

SECRETS = (
    "token TOKEN _token api_token githubToken hf_token HF_TOKEN accessToken bearer_token_2 password db_password passwords "
    "PASSWORD userPassword passwd passphrase secret client_secret secrets AWS_SECRET_ACCESS_KEY api_key API-KEY apikey "
    "apiKey OPENAI_API_KEY APIKey api_keys myAPIKey key_api_key private_key privateKey ssh_key access_key credential "
    "credentials awsCredentials creds"
)
ORDINARY = (
    "tokenizer tokens n_tokens num_tokens max_tokens token_count pad_token eos_token_id max_token tokenized secretary "
    "secretion passwordless compass passes key keys sort_key primary_key monkey keyboard api apiary key_api public data "
    "detokenize nToken creditor pwd x _ X_train"
)


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_name_that_says_secret_in_whole_words_is_one(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ORDINARY.split())
def test_a_name_that_only_contains_the_letters_is_not(name: str) -> None:
    assert not looks_secret(name)


@given(st.sampled_from(SECRETS.split()), st.text(string.ascii_lowercase, min_size=1), st.booleans())
def test_letters_joined_to_a_secret_word_make_another_word(name: str, letters: str, is_before: bool) -> None:
    word = letters + "password" if is_before else "password" + letters
    if word not in ("passwords",):
        assert not looks_secret(word)
    assert looks_secret(f"{name}_x9")


TEXT = st.text() | st.binary()
NUMBERS = st.integers() | st.floats() | st.none() | st.booleans()


@given(
    st.recursive(TEXT, lambda inner: st.lists(inner, min_size=1) | st.dictionaries(TEXT, inner, min_size=1), max_leaves=3),
    st.recursive(NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)),
)
def test_only_values_with_text_in_them_are_secrets(text: object, number: object) -> None:
    assert is_secret("password", [[text]] if isinstance(text, (str, bytes)) else text) or _depth(text) > 3
    assert not is_secret("password", number)
    assert not is_secret("tokenizer", text)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()))
    return 1 + max(map(_depth, value)) if isinstance(value, list) else 0


def test_mappings_of_text_are_secrets_and_tables_are_not() -> None:
    import pandas as pd

    assert is_secret("credentials", OrderedDict(user="a", timeout=3))
    assert not is_secret("passwords", pd.DataFrame({"password": ["a"]}))
    assert not is_secret("settings", {"password": "a"})


def test_a_type_that_declares_itself_secret_is_one_under_any_name() -> None:
    assert is_secret("login", type("SecretStr", (), {})())


class Hostile(dict):  # type: ignore[type-arg]
    """Does harm when it is asked anything."""

    def __getattribute__(self, name: str) -> object:
        raise SystemExit(name)

    def __iter__(self) -> object:  # type: ignore[override]
        raise SystemExit("iter")

    def __bool__(self) -> bool:
        raise SystemExit("bool")


def test_looking_runs_nothing_of_the_users() -> None:
    assert is_secret("secret", Hostile(a="b"))
    assert not is_secret("secret", Hostile(a=1))


def test_looking_is_bounded() -> None:
    endless: list[object] = []
    endless.extend([endless] * 5)
    assert not is_secret("secret", endless)
    assert not is_secret("secret", [0] * 10_000_000 + ["text"])
