"""PutSecretValue: new versions, their labels, and repeated tokens."""

from __future__ import annotations

import concurrent.futures
import datetime
import re

import pytest
from botocore.exceptions import ClientError

from aws import all_pages, members, refused, stages, token

V1, V2, V3, V4 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3, 4))


@pytest.fixture
def two(sm):
    """V1 previous, V2 current."""
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    return sm


def test_a_new_value_becomes_current_and_the_old_one_previous(two):
    put = two.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=V3)
    assert members(put) == {"ARN", "Name", "VersionId", "VersionStages"}
    assert (put["Name"], put["VersionId"], put["VersionStages"]) == ("s", V3, ["AWSCURRENT"])
    assert stages(two, "s") == {V2: {"AWSPREVIOUS"}, V3: {"AWSCURRENT"}}
    assert two.get_secret_value(SecretId="s", VersionId=V1)["SecretString"] == "one"


STAGED = {
    "AWSPENDING alone leaves the current version": (
        ["AWSPENDING"],
        {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"AWSPENDING"}},
    ),
    "an own label alone leaves the current version": (
        ["blue"],
        {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"blue"}},
    ),
    "AWSCURRENT among others promotes": (
        ["blue", "AWSCURRENT"],
        {V2: {"AWSPREVIOUS"}, V3: {"AWSCURRENT", "blue"}},
    ),
    "AWSPREVIOUS alone moves from its holder": (
        ["AWSPREVIOUS"],
        {V2: {"AWSCURRENT"}, V3: {"AWSPREVIOUS"}},
    ),
    "AWSCURRENT and AWSPREVIOUS: the old current version is the previous one": (
        ["AWSCURRENT", "AWSPREVIOUS"],
        {V2: {"AWSPREVIOUS"}, V3: {"AWSCURRENT"}},
    ),
    "a label given twice counts once": (
        ["blue", "blue"],
        {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"blue"}},
    ),
    "a label of 256 characters": (
        ["l" * 256],
        {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"l" * 256}},
    ),
}


@pytest.mark.parametrize("case", STAGED)
def test_version_stages(two, case):
    labels, expected = STAGED[case]
    put = two.put_secret_value(SecretId="s", SecretString="x", ClientRequestToken=V3, VersionStages=labels)
    assert set(put["VersionStages"]) == expected[V3]
    assert len(put["VersionStages"]) == len(expected[V3])
    assert stages(two, "s") == expected


def test_an_own_label_moves_from_its_holder(two):
    two.put_secret_value(SecretId="s", SecretString="3", ClientRequestToken=V3, VersionStages=["blue", "red"])
    two.put_secret_value(SecretId="s", SecretString="4", ClientRequestToken=V4, VersionStages=["blue"])
    assert stages(two, "s") == {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"red"}, V4: {"blue"}}


def test_own_labels_stay_when_the_current_version_changes(two):
    two.update_secret_version_stage(SecretId="s", VersionStage="blue", MoveToVersionId=V2)
    two.put_secret_value(SecretId="s", SecretString="3", ClientRequestToken=V3)
    assert stages(two, "s") == {V2: {"AWSPREVIOUS", "blue"}, V3: {"AWSCURRENT"}}


def test_the_first_value_is_current_without_being_asked(sm):
    sm.create_secret(Name="s")
    put = sm.put_secret_value(SecretId="s", SecretString="one", ClientRequestToken=V1)
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert stages(sm, "s") == {V1: {"AWSCURRENT"}}


def test_the_first_value_is_current_beside_an_own_label(sm):
    sm.create_secret(Name="s")
    sm.put_secret_value(SecretId="s", SecretString="one", ClientRequestToken=V1, VersionStages=["blue"])
    assert stages(sm, "s") == {V1: {"AWSCURRENT", "blue"}}


@pytest.mark.parametrize(
    ("value", "again"),
    [({"SecretString": "two"}, {"SecretString": "two"}), ({"SecretBinary": b"\x00"}, {"SecretBinary": b"\x00"})],
    ids=["string", "binary"],
)
def test_the_same_token_and_value_again_changes_nothing(sm, value, again):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", ClientRequestToken=V2, **value)
    before = sm.describe_secret(SecretId="s")
    put = sm.put_secret_value(SecretId="s", ClientRequestToken=V2, VersionStages=["blue"], **again)
    assert (put["VersionId"], put["VersionStages"]) == (V2, ["AWSCURRENT"])
    after = sm.describe_secret(SecretId="s")
    assert {k: after[k] for k in members(after)} == {k: before[k] for k in members(before)}


def test_an_old_token_again_does_not_make_its_version_current(two):
    put = two.put_secret_value(SecretId="s", SecretString="one", ClientRequestToken=V1)
    assert put["VersionStages"] == ["AWSPREVIOUS"]
    assert stages(two, "s") == {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}}


def test_the_token_of_a_version_without_labels_again_has_no_labels_to_show(two):
    two.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=V3)
    put = two.put_secret_value(SecretId="s", SecretString="one", ClientRequestToken=V1)
    assert members(put) == {"ARN", "Name", "VersionId"}


@pytest.mark.parametrize(
    "value",
    [{"SecretString": "other"}, {"SecretBinary": b"two"}],
    ids=["another string", "the same bytes as binary"],
)
def test_the_same_token_with_another_value_is_refused(two, value):
    arn = two.describe_secret(SecretId="s")["ARN"]
    with refused(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {V2} because that value is already in use for a version of secret {arn}.",
    ):
        two.put_secret_value(SecretId="s", ClientRequestToken=V2, **value)
    assert two.get_secret_value(SecretId="s")["SecretString"] == "two"


def test_a_value_is_needed(two):
    with refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        two.put_secret_value(SecretId="s")


def test_a_string_and_a_binary_together_are_refused(two):
    with refused(
        "InvalidParameterException",
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    ):
        two.put_secret_value(SecretId="s", SecretString="a", SecretBinary=b"a")


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.put_secret_value(SecretId="s", SecretString="v")


def test_a_secret_has_at_most_twenty_labels(two):
    labels = [f"label-{number}" for number in range(18)]
    two.put_secret_value(SecretId="s", SecretString="x", ClientRequestToken=V3, VersionStages=labels)
    before = stages(two, "s")
    with refused("LimitExceededException"):
        two.put_secret_value(SecretId="s", SecretString="y", ClientRequestToken=V4, VersionStages=["one-more"])
    with refused("LimitExceededException"):
        two.update_secret_version_stage(SecretId="s", VersionStage="one-more", MoveToVersionId=V2)
    assert stages(two, "s") == before
    two.put_secret_value(SecretId="s", SecretString="y", ClientRequestToken=V4, VersionStages=["label-0"])
    assert stages(two, "s")[V4] == {"label-0"}


def test_kinds_may_change_from_version_to_version(sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretBinary=b"two", ClientRequestToken=V2)
    got = sm.get_secret_value(SecretId="s")
    assert got["SecretBinary"] == b"two" and "SecretString" not in got
    got = sm.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")
    assert got["SecretString"] == "one" and "SecretBinary" not in got


def test_a_rotation_token_outside_of_a_rotation_does_not_make_a_version_current(two):
    before = stages(two, "s")
    try:
        two.put_secret_value(
            SecretId="s", SecretString="x", ClientRequestToken=V3, RotationToken="r" * 36,
            VersionStages=["AWSPENDING"],
        )
    except ClientError as error:
        assert error.response["Error"]["Code"] in {"AccessDeniedException", "InvalidRequestException"}
        assert stages(two, "s") == before
    else:
        assert stages(two, "s") == before | {V3: {"AWSPENDING"}}


def test_many_writers_of_one_secret_leave_one_current_and_one_previous_version(two):
    def write(number: int) -> str:
        return two.put_secret_value(SecretId="s", SecretString=f"value {number}")["VersionId"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(40)))
    labels = stages(two, "s")
    assert sorted(label for held in labels.values() for label in held) == ["AWSCURRENT", "AWSPREVIOUS"]
    versions = two.list_secret_version_ids(SecretId="s", IncludeDeprecated=True, MaxResults=100)["Versions"]
    assert {version["VersionId"] for version in versions} == {V1, V2, *written}


def test_one_token_written_at_once_makes_one_version(two):
    same = token()

    def write(value: str) -> str:
        try:
            two.put_secret_value(SecretId="s", SecretString=value, ClientRequestToken=same)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return value

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(write, ["a", "b"] * 8))
    kept = two.get_secret_value(SecretId="s")["SecretString"]
    assert outcomes == {kept, "ResourceExistsException"}


# The quota of versions, and their pruning.


def put_many(sm, count: int) -> list[str]:
    """Puts versions one by one; returns their ids."""
    return [sm.put_secret_value(SecretId="s", SecretString=str(n))["VersionId"] for n in range(count)]


def all_versions(sm) -> list[str]:
    """Every version id, newest first."""
    pages = all_pages(sm.list_secret_version_ids, SecretId="s", IncludeDeprecated=True)
    return [version["VersionId"] for page in pages for version in page["Versions"]]


def test_a_hundred_versions_within_a_day_are_the_limit(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    made = [V1, *put_many(sm, 99)]
    with refused("LimitExceededException"):
        sm.put_secret_value(SecretId="s", SecretString="one too many")
    with refused("LimitExceededException"):
        sm.update_secret(SecretId="s", SecretString="one too many")
    assert set(all_versions(sm)) == set(made)
    assert sm.get_secret_value(SecretId="s")["VersionId"] == made[-1]
    server.advance(hours=25)
    assert set(all_versions(sm)) >= set(made[1:]), "nothing is pruned without need"
    sm.put_secret_value(SecretId="s", SecretString="a day later", ClientRequestToken=V2)
    left = all_versions(sm)
    assert len(left) <= 100
    assert V2 in left and V1 not in left
    assert set(left) <= {V2, *made}
    assert stages(sm, "s") == {made[-1]: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}}
    with refused(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for VersionId: {V1}",
    ):
        sm.get_secret_value(SecretId="s", VersionId=V1)


def test_pruning_takes_the_oldest_without_labels(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.update_secret_version_stage(SecretId="s", VersionStage="keep", MoveToVersionId=V1)
    made = put_many(sm, 99)
    server.advance(hours=25)
    put_many(sm, 10)
    left = set(all_versions(sm))
    assert len(left) <= 100
    assert V1 in left, "a labelled version is never pruned"
    gone = [version for version in made if version not in left]
    assert gone == made[: len(gone)] and len(gone) >= 10, "the oldest go first"
    assert sm.get_secret_value(SecretId="s", VersionStage="keep")["SecretString"] == "one"


def test_a_version_younger_than_a_day_is_not_pruned(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    put_many(sm, 49)
    server.advance(hours=20)
    young = put_many(sm, 50)
    server.advance(hours=5)
    put_many(sm, 20)
    assert set(young) <= set(all_versions(sm))


def test_created_dates_of_versions_grow(server, sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    for version in (V2, V3):
        server.advance(seconds=60)
        sm.put_secret_value(SecretId="s", SecretString=version, ClientRequestToken=version)
    listed = sm.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]
    assert [version["VersionId"] for version in listed] == [V3, V2, V1], "newest first"
    assert listed[0]["CreatedDate"] - listed[2]["CreatedDate"] >= datetime.timedelta(seconds=120)


def test_raw_http_must_bring_a_token(sm, wire):
    sm.create_secret(Name="s", SecretString="one")
    for operation, request in (
        ("CreateSecret", {"Name": "other", "SecretString": "v"}),
        ("CreateSecret", {"Name": "other"}),
        ("PutSecretValue", {"SecretId": "s", "SecretString": "v"}),
        ("UpdateSecret", {"SecretId": "s", "SecretString": "v"}),
    ):
        answer = wire.call(operation, request)
        assert (answer.status, answer.code) == (400, "InvalidRequestException"), operation
        assert answer.message == (
            "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
        assert re.search(r'"Message"', answer.body.decode())
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "one"
