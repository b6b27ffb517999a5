"""DeleteSecret and RestoreSecret: recovery windows, force, and what a deleted secret still allows."""

from __future__ import annotations

import datetime
import json
import re

import pytest

from aws import members, partial_arn, refused
from server import ACCOUNT, REGION

MARKED = "You can't perform this operation on the secret because it was marked for deletion."
NOT_FOUND = "Secrets Manager can't find the specified secret."
V1, V2 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2))
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }],
})


@pytest.fixture
def one(sm):
    """V1 current."""
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    return sm


@pytest.mark.parametrize(
    ("parameters", "days"),
    [
        ({}, 30),
        ({"RecoveryWindowInDays": 7}, 7),
        ({"RecoveryWindowInDays": 30}, 30),
        ({"RecoveryWindowInDays": 12, "ForceDeleteWithoutRecovery": False}, 12),
    ],
)
def test_a_deletion_is_scheduled_for_the_end_of_the_window(server, one, parameters, days):
    server.advance(hours=1)
    deleted = one.delete_secret(SecretId="s", **parameters)
    assert members(deleted) == {"ARN", "Name", "DeletionDate"}
    described = one.describe_secret(SecretId="s")
    assert described["DeletedDate"] == deleted["DeletionDate"]
    window = deleted["DeletionDate"] - described["LastChangedDate"]
    assert abs(window - datetime.timedelta(days=days)) < datetime.timedelta(seconds=2)


@pytest.mark.parametrize("days", [6, 31, 0, -1, 2**40])
def test_a_window_outside_of_7_to_30_days_is_refused(one, days):
    with refused(
        "InvalidParameterException",
        "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    ):
        one.delete_secret(SecretId="s", RecoveryWindowInDays=days)
    assert "DeletedDate" not in one.describe_secret(SecretId="s")


def test_a_window_and_force_together_are_refused(one):
    with refused(
        "InvalidParameterException",
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    ):
        one.delete_secret(SecretId="s", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.delete_secret(SecretId="nothing")
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.restore_secret(SecretId="nothing")


def test_force_on_a_missing_secret_succeeds(sm):
    deleted = sm.delete_secret(SecretId="nothing", ForceDeleteWithoutRecovery=True)
    assert members(deleted) == {"ARN", "Name", "DeletionDate"}
    assert deleted["Name"] == "nothing"
    assert deleted["ARN"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:nothing")
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId="nothing")


def test_force_deletes_at_once(one):
    before = one.describe_secret(SecretId="s")
    deleted = one.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    assert deleted["ARN"] == before["ARN"]
    assert abs(deleted["DeletionDate"] - before["CreatedDate"]) < datetime.timedelta(minutes=1)
    for call in (
        lambda: one.describe_secret(SecretId="s"),
        lambda: one.get_secret_value(SecretId="s"),
        lambda: one.restore_secret(SecretId="s"),
    ):
        with refused("ResourceNotFoundException", NOT_FOUND):
            call()
    assert one.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []


def test_force_purges_what_was_scheduled(one):
    one.delete_secret(SecretId="s")
    one.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException", NOT_FOUND):
        one.describe_secret(SecretId="s")
    one.create_secret(Name="s", SecretString="new")


def test_scheduling_again_is_refused(one):
    first = one.delete_secret(SecretId="s", RecoveryWindowInDays=7)["DeletionDate"]
    with refused("InvalidRequestException"):
        one.delete_secret(SecretId="s", RecoveryWindowInDays=30)
    assert one.describe_secret(SecretId="s")["DeletedDate"] == first


def test_the_purge_comes_at_the_end_of_the_window_and_not_before(server, one):
    arn = one.delete_secret(SecretId="s", RecoveryWindowInDays=7)["ARN"]
    server.advance(days=6, hours=23)
    assert one.describe_secret(SecretId="s")["ARN"] == arn
    server.advance(hours=2)
    for secret_id in ("s", arn, partial_arn(arn)):
        with refused("ResourceNotFoundException", NOT_FOUND):
            one.describe_secret(SecretId=secret_id)
    with refused("ResourceNotFoundException", NOT_FOUND):
        one.restore_secret(SecretId="s")
    assert one.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []


def test_a_purged_name_is_free_and_nothing_of_the_old_secret_is_left(server, one):
    old = one.describe_secret(SecretId="s")["ARN"]
    one.put_resource_policy(SecretId="s", ResourcePolicy=POLICY)
    one.tag_resource(SecretId="s", Tags=[{"Key": "k", "Value": "v"}])
    one.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    server.advance(days=8)
    new = one.create_secret(Name="s", SecretString="new", ClientRequestToken=V2)["ARN"]
    assert new != old
    described = one.describe_secret(SecretId="s")
    assert "Tags" not in described and "LastAccessedDate" not in described
    assert described["VersionIdsToStages"] == {V2: ["AWSCURRENT"]}
    assert "ResourcePolicy" not in one.get_resource_policy(SecretId="s")
    with refused("ResourceNotFoundException"):
        one.get_secret_value(SecretId="s", VersionId=V1)
    with refused("ResourceNotFoundException", NOT_FOUND):
        one.get_secret_value(SecretId=old)


def test_a_restored_secret_is_as_it_was(server, one):
    one.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    one.tag_resource(SecretId="s", Tags=[{"Key": "k", "Value": "v"}])
    before = one.describe_secret(SecretId="s")
    one.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    server.advance(days=6)
    restored = one.restore_secret(SecretId="s")
    assert members(restored) == {"ARN", "Name"}
    after = one.describe_secret(SecretId="s")
    assert members(after) == members(before)
    assert after["VersionIdsToStages"] == before["VersionIdsToStages"]
    server.advance(days=30)
    assert one.get_secret_value(SecretId="s")["SecretString"] == "two", "the old date no longer counts"


def test_restoring_an_active_secret_changes_nothing(one):
    assert members(one.restore_secret(SecretId="s")) == {"ARN", "Name"}
    assert one.get_secret_value(SecretId="s")["SecretString"] == "one"


ALLOWED_WHILE_DELETED = {
    "DescribeSecret": lambda sm: sm.describe_secret(SecretId="s"),
    "ListSecretVersionIds": lambda sm: sm.list_secret_version_ids(SecretId="s"),
    "RestoreSecret": lambda sm: sm.restore_secret(SecretId="s"),
    "DeleteSecret by force": lambda sm: sm.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True),
    "GetRandomPassword": lambda sm: sm.get_random_password(),
}

REFUSED_WHILE_DELETED = {
    "GetSecretValue": lambda sm: sm.get_secret_value(SecretId="s"),
    "GetSecretValue by id": lambda sm: sm.get_secret_value(SecretId="s", VersionId=V1),
    "PutSecretValue": lambda sm: sm.put_secret_value(SecretId="s", SecretString="x"),
    "PutSecretValue with the same token": lambda sm: sm.put_secret_value(
        SecretId="s", SecretString="one", ClientRequestToken=V1
    ),
    "UpdateSecret": lambda sm: sm.update_secret(SecretId="s", SecretString="x"),
    "UpdateSecret of the description": lambda sm: sm.update_secret(SecretId="s", Description="x"),
    "UpdateSecretVersionStage": lambda sm: sm.update_secret_version_stage(
        SecretId="s", VersionStage="x", MoveToVersionId=V1
    ),
    "TagResource": lambda sm: sm.tag_resource(SecretId="s", Tags=[{"Key": "k", "Value": "v"}]),
    "UntagResource": lambda sm: sm.untag_resource(SecretId="s", TagKeys=["k"]),
    "PutResourcePolicy": lambda sm: sm.put_resource_policy(SecretId="s", ResourcePolicy=POLICY),
    "GetResourcePolicy": lambda sm: sm.get_resource_policy(SecretId="s"),
    "DeleteResourcePolicy": lambda sm: sm.delete_resource_policy(SecretId="s"),
}


@pytest.mark.parametrize("operation", ALLOWED_WHILE_DELETED)
def test_a_deleted_secret_allows(one, operation):
    one.delete_secret(SecretId="s")
    ALLOWED_WHILE_DELETED[operation](one)


@pytest.mark.parametrize("operation", REFUSED_WHILE_DELETED)
def test_a_deleted_secret_refuses(one, operation):
    one.delete_secret(SecretId="s")
    before = one.describe_secret(SecretId="s")
    with refused("InvalidRequestException", MARKED):
        REFUSED_WHILE_DELETED[operation](one)
    after = one.describe_secret(SecretId="s")
    assert {k: after[k] for k in members(after)} == {k: before[k] for k in members(before)}


def test_clients_find_the_words_they_look_for(one):
    one.delete_secret(SecretId="s")
    with refused("InvalidRequestException", re.compile("was marked for deletion")):
        one.get_secret_value(SecretId="s")


def test_a_deleted_secret_is_named_by_name_arn_and_partial_arn(sm):
    for number, form in enumerate((lambda arn: arn, partial_arn)):
        arn = sm.create_secret(Name=f"s{number}", SecretString="v")["ARN"]
        assert sm.delete_secret(SecretId=form(arn))["ARN"] == arn
        assert sm.restore_secret(SecretId=form(arn))["ARN"] == arn
