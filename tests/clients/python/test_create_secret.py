"""CreateSecret: names, values, tokens, tags, and what it refuses."""

from __future__ import annotations

import re

import pytest

from aws import members, refused, stages, token
from server import ACCOUNT, REGION

FIRST = "11111111-1111-1111-1111-111111111111"
SECOND = "22222222-2222-2222-2222-222222222222"
ARN = re.compile(rf"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:(.+)-[A-Za-z0-9]{{6}}$")


def test_a_secret_with_a_value_gets_its_token_as_version_labelled_current(sm):
    made = sm.create_secret(Name="app/db", SecretString="s3cret", ClientRequestToken=FIRST)
    assert members(made) == {"ARN", "Name", "VersionId"}
    assert ARN.match(made["ARN"]).group(1) == "app/db"
    assert (made["Name"], made["VersionId"]) == ("app/db", FIRST)
    assert stages(sm, "app/db") == {FIRST: {"AWSCURRENT"}}


def test_a_secret_without_a_value_has_no_version(sm):
    made = sm.create_secret(Name="empty")
    assert members(made) == {"ARN", "Name"}
    described = sm.describe_secret(SecretId="empty")
    assert "VersionIdsToStages" not in described
    assert sm.list_secret_version_ids(SecretId="empty", IncludeDeprecated=True)["Versions"] == []
    with refused(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    ):
        sm.get_secret_value(SecretId="empty")


def test_boto3_fills_in_a_token(sm):
    made = sm.create_secret(Name="s", SecretString="v")
    assert re.fullmatch(r"[0-9a-f-]{36}", made["VersionId"])


@pytest.mark.parametrize(
    "value",
    ["x", " leading and trailing \n", '{"a": 1,   "b":"\\u00e9"}', "ü€😀", "\x00\x01\x7f", "a" * 65536],
    ids=["one character", "white space", "JSON stays as written", "any Unicode", "controls", "64 KiB"],
)
def test_a_string_comes_back_exactly_as_stored(sm, value):
    sm.create_secret(Name="s", SecretString=value)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == value


@pytest.mark.parametrize(
    "value",
    [b"\x00", bytes(range(256)), b"plain text", b"\xff" * 65536],
    ids=["one zero byte", "all bytes", "text is still binary", "64 KiB"],
)
def test_a_binary_comes_back_exactly_as_stored(sm, value):
    sm.create_secret(Name="s", SecretBinary=value)
    got = sm.get_secret_value(SecretId="s")
    assert got["SecretBinary"] == value
    assert "SecretString" not in got


@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        ({"SecretString": "a" * 65537}, {"ValidationException"}),
        ({"SecretString": "é" * 32769}, {"ValidationException", "InvalidParameterException"}),
        ({"SecretBinary": b"a" * 65537}, {"ValidationException"}),
    ],
    ids=["65,537 characters", "65,538 bytes in 32,769 characters", "65,537 bytes"],
)
def test_a_value_over_64_kib_is_refused(sm, parameters, codes):
    with refused(codes):
        sm.create_secret(Name="s", **parameters)
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId="s")


def test_a_string_and_a_binary_together_are_refused(sm):
    with refused(
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    ):
        sm.create_secret(Name="s", SecretString="a", SecretBinary=b"a")


@pytest.mark.parametrize("parameter", ["SecretString", "SecretBinary"])
def test_an_empty_value_is_refused(unchecked, parameter):
    with refused({"ValidationException", "InvalidRequestException"}):
        unchecked.create_secret(Name="s", **{parameter: "" if parameter == "SecretString" else b""})


@pytest.mark.parametrize(
    "name",
    ["a", "Az09/_+=.@-", "a/b/c", "UPPER", "-starts-with-hyphen", "/slash/", "n" * 512, "ends-with-abcdef"],
)
def test_a_name_may_hold_letters_digits_and_seven_others(sm, name):
    made = sm.create_secret(Name=name, SecretString="v")
    assert made["Name"] == name
    assert ARN.match(made["ARN"]).group(1) == name
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "v"


@pytest.mark.parametrize("name", ["a b", "a#b", "a:b", "a*b", "a\\b", "ä", "a\nb", "a'b", "a,b", "😀", "a?"])
def test_a_name_with_any_other_character_is_refused(sm, name):
    with refused(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        "following: -/_+=.@!",
    ):
        sm.create_secret(Name=name, SecretString="v")


def test_names_differ_by_case(sm):
    sm.create_secret(Name="Name", SecretString="upper")
    sm.create_secret(Name="name", SecretString="lower")
    assert sm.get_secret_value(SecretId="Name")["SecretString"] == "upper"
    assert sm.get_secret_value(SecretId="name")["SecretString"] == "lower"


def test_each_creation_gets_another_suffix(sm):
    arns = set()
    for _ in range(5):
        arns.add(sm.create_secret(Name="s", SecretString="v")["ARN"])
        sm.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert len(arns) == 5


IDEMPOTENCY = {
    "the same token and value is the same creation": (FIRST, {"SecretString": "v"}, None, None),
    "another token is another secret of that name": (
        SECOND,
        {"SecretString": "v"},
        "ResourceExistsException",
        "The operation failed because the secret s already exists.",
    ),
    "another token and value too": (
        SECOND,
        {"SecretString": "w"},
        "ResourceExistsException",
        "The operation failed because the secret s already exists.",
    ),
    "the same token with another value": (
        FIRST,
        {"SecretString": "w"},
        "ResourceExistsException",
        "You can't use ClientRequestToken {token} because that value is already in use for a "
        "version of secret {arn}.",
    ),
    "the same token with the same bytes as binary": (
        FIRST,
        {"SecretBinary": b"v"},
        "ResourceExistsException",
        "You can't use ClientRequestToken {token} because that value is already in use for a "
        "version of secret {arn}.",
    ),
}


@pytest.mark.parametrize("case", IDEMPOTENCY)
def test_creating_again(sm, case):
    again, value, code, text = IDEMPOTENCY[case]
    made = sm.create_secret(Name="s", SecretString="v", ClientRequestToken=FIRST, Description="first")
    before = sm.describe_secret(SecretId="s")
    if code is None:
        repeated = sm.create_secret(
            Name="s", ClientRequestToken=again, Description="second", **value
        )
        assert {name: repeated[name] for name in members(repeated)} == {
            name: made[name] for name in members(made)
        }
    else:
        with refused(code, text.format(token=again, arn=made["ARN"])):
            sm.create_secret(Name="s", ClientRequestToken=again, **value)
    after = sm.describe_secret(SecretId="s")
    assert {k: after[k] for k in members(after)} == {k: before[k] for k in members(before)}
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"


def test_creating_again_is_still_the_same_creation_after_an_update(sm):
    made = sm.create_secret(Name="s", SecretString="v", ClientRequestToken=FIRST)
    sm.put_secret_value(SecretId="s", SecretString="w", ClientRequestToken=SECOND)
    repeated = sm.create_secret(Name="s", SecretString="v", ClientRequestToken=FIRST)
    assert (repeated["ARN"], repeated["VersionId"]) == (made["ARN"], FIRST)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "w"


def test_an_empty_secret_of_that_name_exists_too(sm):
    sm.create_secret(Name="s")
    with refused("ResourceExistsException", "The operation failed because the secret s already exists."):
        sm.create_secret(Name="s", SecretString="v")


def test_a_name_in_its_recovery_window_is_taken(sm):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken=FIRST)
    sm.delete_secret(SecretId="s")
    for same in (FIRST, SECOND):
        with refused(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ):
            sm.create_secret(Name="s", SecretString="v", ClientRequestToken=same)


def test_a_name_is_free_after_a_forced_deletion(sm):
    first = sm.create_secret(Name="s", SecretString="v", ClientRequestToken=FIRST)
    sm.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    second = sm.create_secret(Name="s", SecretString="w", ClientRequestToken=FIRST)
    assert second["ARN"] != first["ARN"]
    assert stages(sm, "s") == {FIRST: {"AWSCURRENT"}}
    with refused("ResourceNotFoundException"):
        sm.get_secret_value(SecretId=first["ARN"])


def test_description_and_tags_are_kept(sm):
    tags = [{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}]
    sm.create_secret(Name="s", SecretString="v", Description="what for", Tags=tags)
    described = sm.describe_secret(SecretId="s")
    assert described["Description"] == "what for"
    assert sorted(described["Tags"], key=lambda tag: tag["Key"]) == sorted(tags, key=lambda tag: tag["Key"])


@pytest.mark.parametrize("key", ["", "alias/aws/secretsmanager"], ids=["empty", "the default key's alias"])
def test_the_default_key_is_not_shown(sm, key):
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)
    assert "KmsKeyId" not in sm.describe_secret(SecretId="s")
    versions = sm.list_secret_version_ids(SecretId="s")["Versions"]
    assert versions[0]["KmsKeyIds"] == ["DefaultEncryptionKey"]


@pytest.mark.parametrize(
    "key",
    [
        "alias/nobody-made-this",
        "99999999-9999-4999-8999-999999999999",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-9999-4999-8999-999999999999",
        f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/nobody-made-this",
    ],
)
@pytest.mark.parametrize("value", [{}, {"SecretString": "v"}], ids=["without a value", "with a value"])
def test_an_unknown_key_is_refused(sm, key, value):
    with refused("ResourceNotFoundException"):
        sm.create_secret(Name="s", KmsKeyId=key, **value)
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId="s")


TAGS_REFUSED = {
    "a key twice": ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], {"InvalidParameterException"}),
    "a reserved key": ([{"Key": "aws:x", "Value": "1"}], {"InvalidParameterException"}),
    "fifty-one tags": (
        [{"Key": f"k{number}", "Value": ""} for number in range(51)],
        {"InvalidParameterException", "LimitExceededException"},
    ),
    "a key of 129 characters": ([{"Key": "k" * 129, "Value": ""}], {"ValidationException"}),
    "a value of 257 characters": ([{"Key": "k", "Value": "v" * 257}], {"ValidationException"}),
}


@pytest.mark.parametrize("case", TAGS_REFUSED)
def test_tags_are_refused(sm, case):
    tags, codes = TAGS_REFUSED[case]
    with refused(codes):
        sm.create_secret(Name="s", SecretString="v", Tags=tags)
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId="s")


def test_fifty_tags_are_accepted(sm):
    sm.create_secret(Name="s", Tags=[{"Key": f"k{number}", "Value": "v" * 256} for number in range(50)])
    assert len(sm.describe_secret(SecretId="s")["Tags"]) == 50


def test_replicas_are_not_pretended(sm):
    with refused({"InvalidRequestException", "InvalidParameterException"}, re.compile(".{20}")):
        sm.create_secret(Name="s", SecretString="v", AddReplicaRegions=[{"Region": "eu-west-1"}])
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId="s")


def test_a_replica_in_the_own_region_is_invalid(sm):
    with refused("InvalidParameterException", "Invalid replica region."):
        sm.create_secret(Name="s", SecretString="v", AddReplicaRegions=[{"Region": REGION}])


@pytest.mark.parametrize(
    "made", ["t" * 32, "T" * 64, "terraform-20260101000000000100000001", "with spaces and ü, any characters!"]
)
def test_a_token_is_any_text_of_32_to_64_characters(sm, made):
    assert sm.create_secret(Name="s", SecretString="v", ClientRequestToken=made)["VersionId"] == made
    assert sm.get_secret_value(SecretId="s", VersionId=made)["SecretString"] == "v"


def test_tokens_differ_by_case(sm):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken="t" * 32)
    sm.put_secret_value(SecretId="s", SecretString="w", ClientRequestToken="T" * 32)
    assert stages(sm, "s") == {"t" * 32: {"AWSPREVIOUS"}, "T" * 32: {"AWSCURRENT"}}


def test_two_secrets_may_have_one_token(sm):
    shared = token()
    for name in ("a", "b"):
        assert sm.create_secret(Name=name, SecretString=name, ClientRequestToken=shared)["VersionId"] == shared
    assert sm.get_secret_value(SecretId="b", VersionId=shared)["SecretString"] == "b"
