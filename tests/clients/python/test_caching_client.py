"""The AWS caching client for Python, unmodified."""

from __future__ import annotations

import pytest
from aws_secretsmanager_caching import (
    InjectKeywordedSecretString,
    InjectSecretString,
    SecretCache,
    SecretCacheConfig,
)
from botocore.exceptions import ClientError


def test_a_string_is_read_and_kept(sm):
    sm.create_secret(Name="s", SecretString="one")
    cache = SecretCache(client=sm)
    assert cache.get_secret_string("s") == "one"
    sm.put_secret_value(SecretId="s", SecretString="two")
    assert cache.get_secret_string("s") == "one", "kept until the refresh interval ends"
    assert SecretCache(client=sm).get_secret_string("s") == "two"


def test_a_binary_is_read(sm):
    sm.create_secret(Name="s", SecretBinary=b"\x00\x01")
    assert SecretCache(client=sm).get_secret_binary("s") == b"\x00\x01"


def test_a_new_version_is_seen_after_the_refresh_interval(sm):
    sm.create_secret(Name="s", SecretString="one")
    cache = SecretCache(config=SecretCacheConfig(secret_refresh_interval=0), client=sm)
    assert cache.get_secret_string("s") == "one"
    sm.put_secret_value(SecretId="s", SecretString="two")
    assert cache.get_secret_string("s") == "two"


def test_another_label_is_read(sm):
    sm.create_secret(Name="s", SecretString="one")
    sm.put_secret_value(SecretId="s", SecretString="two")
    cache = SecretCache(client=sm)
    assert cache.get_secret_string("s", version_stage="AWSPREVIOUS") == "one"
    assert cache.get_secret_string("s") == "two"


def test_a_label_that_nothing_has_gives_nothing(sm):
    sm.create_secret(Name="s", SecretString="one")
    assert SecretCache(client=sm).get_secret_string("s", version_stage="blue") is None


def test_a_missing_secret_raises_the_services_error(sm):
    with pytest.raises(ClientError) as raised:
        SecretCache(client=sm).get_secret_string("nothing")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_decorators_inject_the_secret(sm):
    sm.create_secret(Name="s", SecretString='{"username": "admin", "password": "mypassword"}')
    cache = SecretCache(client=sm)

    @InjectSecretString("s", cache)
    def whole(secret, other):
        return secret, other

    @InjectKeywordedSecretString(secret_id="s", cache=cache, user="username", password="password")
    def parts(user, password):
        return user, password

    assert whole("x") == ('{"username": "admin", "password": "mypassword"}', "x")
    assert parts() == ("admin", "mypassword")
