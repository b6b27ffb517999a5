"""UpdateSecret: metadata, and a value that becomes current."""

from __future__ import annotations

import pytest

from aws import members, refused, stages

V1, V2, V3 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3))


@pytest.fixture
def one(sm):
    """V1 current, with a description."""
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1, Description="what for")
    return sm


def test_a_value_becomes_current_and_the_old_one_previous(one):
    updated = one.update_secret(SecretId="s", SecretString="two", ClientRequestToken=V2)
    assert members(updated) == {"ARN", "Name", "VersionId"}
    assert updated["VersionId"] == V2
    assert stages(one, "s") == {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}}
    assert one.describe_secret(SecretId="s")["Description"] == "what for"


def test_a_binary_becomes_current(one):
    one.update_secret(SecretId="s", SecretBinary=b"\x01", ClientRequestToken=V2)
    assert one.get_secret_value(SecretId="s")["SecretBinary"] == b"\x01"


def test_a_description_alone_makes_no_version(one):
    updated = one.update_secret(SecretId="s", Description="why", ClientRequestToken=V2)
    assert members(updated) == {"ARN", "Name"}
    assert one.describe_secret(SecretId="s")["Description"] == "why"
    assert stages(one, "s") == {V1: {"AWSCURRENT"}}


def test_an_empty_description_clears_it(one):
    one.update_secret(SecretId="s", Description="")
    assert "Description" not in one.describe_secret(SecretId="s")


def test_nothing_to_change_succeeds(one):
    assert members(one.update_secret(SecretId="s")) == {"ARN", "Name"}
    assert one.describe_secret(SecretId="s")["Description"] == "what for"


@pytest.mark.parametrize("key", ["", "alias/aws/secretsmanager"], ids=["empty", "the default key's alias"])
def test_the_default_key_makes_no_version(one, key):
    assert members(one.update_secret(SecretId="s", KmsKeyId=key)) == {"ARN", "Name"}
    assert "KmsKeyId" not in one.describe_secret(SecretId="s")
    assert one.get_secret_value(SecretId="s")["VersionId"] == V1


def test_an_unknown_key_changes_nothing(one):
    with refused("ResourceNotFoundException"):
        one.update_secret(SecretId="s", KmsKeyId="alias/nobody-made-this", Description="new", SecretString="two")
    assert one.describe_secret(SecretId="s")["Description"] == "what for"
    assert stages(one, "s") == {V1: {"AWSCURRENT"}}


def test_a_value_and_metadata_change_together(one):
    one.update_secret(SecretId="s", Description="why", SecretString="two", ClientRequestToken=V2)
    assert one.describe_secret(SecretId="s")["Description"] == "why"
    assert one.get_secret_value(SecretId="s")["SecretString"] == "two"


def test_a_first_value_is_current(sm):
    sm.create_secret(Name="s")
    sm.update_secret(SecretId="s", SecretString="one", ClientRequestToken=V1)
    assert stages(sm, "s") == {V1: {"AWSCURRENT"}}


def test_the_same_token_and_value_again_changes_no_label(one):
    one.update_secret(SecretId="s", SecretString="two", ClientRequestToken=V2)
    one.update_secret(SecretId="s", SecretString="three", ClientRequestToken=V3)
    repeated = one.update_secret(SecretId="s", SecretString="two", ClientRequestToken=V2)
    assert repeated["Name"] == "s"
    assert stages(one, "s") == {V2: {"AWSPREVIOUS"}, V3: {"AWSCURRENT"}}


def test_the_same_token_with_another_value_is_refused(one):
    arn = one.describe_secret(SecretId="s")["ARN"]
    with refused(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {V1} because that value is already in use for a version of secret {arn}.",
    ):
        one.update_secret(SecretId="s", SecretString="other", ClientRequestToken=V1, Description="new")
    assert one.describe_secret(SecretId="s")["Description"] == "what for"


def test_a_string_and_a_binary_together_are_refused(one):
    with refused(
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    ):
        one.update_secret(SecretId="s", SecretString="a", SecretBinary=b"a")


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.update_secret(SecretId="s", Description="new")


def test_a_description_has_at_most_2048_characters(one):
    one.update_secret(SecretId="s", Description="ü" * 2048)
    assert one.describe_secret(SecretId="s")["Description"] == "ü" * 2048
    with refused("ValidationException"):
        one.update_secret(SecretId="s", Description="d" * 2049)
