"""GetSecretValue: which version a caller gets, and how a secret may be named."""

from __future__ import annotations

import datetime
import re

import pytest

from aws import members, partial_arn, refused, token
from server import ACCOUNT, REGION

NOT_FOUND = "Secrets Manager can't find the specified secret."
V1, V2, V3, V4 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3, 4))


@pytest.fixture
def rotated(sm):
    """V1 unlabelled, V2 previous, V3 current, V4 pending and `blue`."""
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    sm.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=V3)
    sm.put_secret_value(
        SecretId="s", SecretString="four", ClientRequestToken=V4, VersionStages=["AWSPENDING", "blue"]
    )
    return sm


SELECTION = {
    "nothing said: the current version": ({}, V3, "three", {"AWSCURRENT"}),
    "by id alone": ({"VersionId": V2}, V2, "two", {"AWSPREVIOUS"}),
    "by id, without labels": ({"VersionId": V1}, V1, "one", None),
    "by the label AWSCURRENT": ({"VersionStage": "AWSCURRENT"}, V3, "three", {"AWSCURRENT"}),
    "by the label AWSPREVIOUS": ({"VersionStage": "AWSPREVIOUS"}, V2, "two", {"AWSPREVIOUS"}),
    "by the label AWSPENDING": ({"VersionStage": "AWSPENDING"}, V4, "four", {"AWSPENDING", "blue"}),
    "by an own label": ({"VersionStage": "blue"}, V4, "four", {"AWSPENDING", "blue"}),
    "by id and its label": ({"VersionId": V4, "VersionStage": "blue"}, V4, "four", {"AWSPENDING", "blue"}),
}


@pytest.mark.parametrize("case", SELECTION)
def test_selects(rotated, case):
    parameters, version, value, labels = SELECTION[case]
    got = rotated.get_secret_value(SecretId="s", **parameters)
    assert (got["Name"], got["VersionId"], got["SecretString"]) == ("s", version, value)
    expected = {"ARN", "Name", "VersionId", "SecretString", "CreatedDate"}
    if labels is None:
        assert members(got) == expected
    else:
        assert members(got) == expected | {"VersionStages"}
        assert set(got["VersionStages"]) == labels
        assert len(got["VersionStages"]) == len(labels)


MISSES = {
    "an unknown id": (
        {"VersionId": "9" * 32},
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {'9' * 32}",
    ),
    "an id in another case": (
        {"VersionId": V1.upper()},
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {V1.upper()}",
    ),
    "an unknown label": (
        {"VersionStage": "green"},
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: green",
    ),
    "a label in another case": (
        {"VersionStage": "awscurrent"},
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: awscurrent",
    ),
    "an id and another version's label": (
        {"VersionId": V1, "VersionStage": "AWSCURRENT"},
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    ),
    "an id and a label that nothing has": (
        {"VersionId": V1, "VersionStage": "green"},
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    ),
}


@pytest.mark.parametrize("case", MISSES)
def test_does_not_find(rotated, case):
    parameters, code, text = MISSES[case]
    with refused(code, text):
        rotated.get_secret_value(SecretId="s", **parameters)


def test_an_unknown_id_with_a_label_is_an_error_too(rotated):
    with refused({"ResourceNotFoundException", "InvalidRequestException"}):
        rotated.get_secret_value(SecretId="s", VersionId="9" * 32, VersionStage="AWSCURRENT")


def test_the_created_date_is_the_versions(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    server.advance(hours=5)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    first = sm.get_secret_value(SecretId="s", VersionId=V1)["CreatedDate"]
    second = sm.get_secret_value(SecretId="s")["CreatedDate"]
    secret = sm.describe_secret(SecretId="s")["CreatedDate"]
    assert first == secret
    assert datetime.timedelta(hours=5) <= second - first < datetime.timedelta(hours=6)


def test_a_read_leaves_the_day_of_access(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    assert "LastAccessedDate" not in sm.describe_secret(SecretId="s")
    assert "LastAccessedDate" not in sm.list_secrets()["SecretList"][0]
    sm.get_secret_value(SecretId="s")
    accessed = sm.describe_secret(SecretId="s")["LastAccessedDate"]
    assert sm.list_secrets()["SecretList"][0]["LastAccessedDate"] == accessed
    versions = {v["VersionId"]: v for v in sm.list_secret_version_ids(SecretId="s")["Versions"]}
    assert versions[V2]["LastAccessedDate"] == accessed
    assert "LastAccessedDate" not in versions[V1]
    assert accessed.timestamp() % 86400 == 0
    server.advance(days=3)
    sm.get_secret_value(SecretId="s", VersionId=V1)
    later = sm.describe_secret(SecretId="s")["LastAccessedDate"]
    assert later - accessed == datetime.timedelta(days=3)
    versions = {v["VersionId"]: v for v in sm.list_secret_version_ids(SecretId="s")["Versions"]}
    assert versions[V1]["LastAccessedDate"] == later
    assert versions[V2]["LastAccessedDate"] == accessed


def test_a_refused_read_is_no_access(sm):
    sm.create_secret(Name="s", SecretString="one")
    with refused("ResourceNotFoundException"):
        sm.get_secret_value(SecretId="s", VersionStage="green")
    assert "LastAccessedDate" not in sm.describe_secret(SecretId="s")


# How a secret may be named. Describe stands for every operation that takes a SecretId.


def test_a_secret_is_found_by_name_arn_and_arn_without_its_suffix(sm):
    arn = sm.create_secret(Name="app/db", SecretString="v")["ARN"]
    for secret_id in ("app/db", arn, partial_arn(arn)):
        assert sm.get_secret_value(SecretId=secret_id)["ARN"] == arn
        assert sm.describe_secret(SecretId=secret_id)["ARN"] == arn


NEAR_MISSES = {
    "a prefix of the name": "app/d",
    "a longer name": "app/dbs",
    "another case": "App/db",
    "an ARN of a prefix": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/d",
    "an ARN with another suffix": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:app/db-AAAAAA",
    "an ARN of another region": f"arn:aws:secretsmanager:eu-west-3:{ACCOUNT}:secret:app/db",
    "the name with a suffix": "app/db-AAAAAA",
}


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_a_near_miss_is_not_found(sm, case):
    sm.create_secret(Name="app/db", SecretString="v")
    for operation in (sm.get_secret_value, sm.describe_secret):
        with refused("ResourceNotFoundException", NOT_FOUND):
            operation(SecretId=NEAR_MISSES[case])


def test_a_suffix_must_match_in_each_character(sm):
    arn = sm.create_secret(Name="app/db", SecretString="v")["ARN"]
    other = arn[:-1] + ("a" if arn[-1] != "a" else "b")
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=other)
    if arn[-6:].swapcase() != arn[-6:]:
        with refused("ResourceNotFoundException", NOT_FOUND):
            sm.describe_secret(SecretId=arn[:-6] + arn[-6:].swapcase())


def test_a_partial_arn_whose_name_ends_in_a_hyphen_and_six_is_taken_for_complete(sm):
    arn = sm.create_secret(Name="app-secret", SecretString="v")["ARN"]
    assert sm.describe_secret(SecretId="app-secret")["ARN"] == arn
    assert sm.describe_secret(SecretId=arn)["ARN"] == arn
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=partial_arn(arn))


@pytest.mark.parametrize(
    "secret_id",
    [
        "arn:aws:secretsmanager",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:other:app/db",
        f"arn:aws:s3:{REGION}:{ACCOUNT}:secret:app/db",
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/app/db",
        "arn:",
        f"arn:aws:secretsmanager:{REGION}::secret:app/db",
    ],
)
def test_an_arn_of_anything_else_is_refused(sm, secret_id):
    sm.create_secret(Name="app/db", SecretString="v")
    with refused(
        {
            "InvalidParameterException",
            "ResourceNotFoundException",
            "ValidationException",
            "AccessDeniedException",
        }
    ):
        sm.get_secret_value(SecretId=secret_id)


def test_a_secret_id_with_a_character_that_no_name_has_is_refused(sm):
    with refused(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        "following: -/_+=.@!",
    ):
        sm.get_secret_value(SecretId="a b")


def test_created_dates_have_parts_of_a_second(sm):
    dates = [
        sm.describe_secret(SecretId=sm.create_secret(Name=f"s{number}", SecretString="v")["ARN"])["CreatedDate"]
        for number in range(5)
    ]
    assert any(date.microsecond for date in dates)
    assert all(date.microsecond % 1000 == 0 for date in dates)


def test_dates_on_the_wire_are_numbers_of_seconds(sm, wire):
    sm.create_secret(Name="s", SecretString="v")
    body = wire.call("GetSecretValue", {"SecretId": "s"}).body.decode()
    assert re.search(r'"CreatedDate":\s*\d{10}(\.\d{1,3})?[,}]', body), body
    body = wire.call("DescribeSecret", {"SecretId": "s"}).body.decode()
    for name in ("CreatedDate", "LastChangedDate", "LastAccessedDate"):
        assert re.search(rf'"{name}":\s*\d{{10}}(\.\d{{1,3}})?[,}}]', body), body


def test_a_missing_secret_is_not_found_whatever_else_is_asked(sm):
    for extra in ({}, {"VersionId": token()}, {"VersionStage": "blue"}):
        with refused("ResourceNotFoundException", NOT_FOUND):
            sm.get_secret_value(SecretId="nothing", **extra)
