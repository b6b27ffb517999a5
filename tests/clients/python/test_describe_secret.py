"""DescribeSecret: which members there are, and what changes LastChangedDate."""

from __future__ import annotations

import datetime
import json

import pytest

from aws import members, refused
from server import ACCOUNT

V1, V2, V3 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3))
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }],
})


def test_what_was_never_set_is_absent(sm):
    sm.create_secret(Name="s")
    assert members(sm.describe_secret(SecretId="s")) == {"ARN", "Name", "CreatedDate", "LastChangedDate"}


def test_a_value_adds_its_labels(sm):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken=V1)
    described = sm.describe_secret(SecretId="s")
    assert members(described) == {"ARN", "Name", "CreatedDate", "LastChangedDate", "VersionIdsToStages"}
    assert described["VersionIdsToStages"] == {V1: ["AWSCURRENT"]}


def test_all_that_can_be_set_here_is_shown(sm):
    sm.create_secret(Name="s", SecretString="v", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    sm.get_secret_value(SecretId="s")
    sm.put_resource_policy(SecretId="s", ResourcePolicy=POLICY)
    assert members(sm.describe_secret(SecretId="s")) == {
        "ARN",
        "Name",
        "Description",
        "CreatedDate",
        "LastChangedDate",
        "LastAccessedDate",
        "Tags",
        "VersionIdsToStages",
    }


def test_only_versions_with_labels_are_shown(sm):
    sm.create_secret(Name="s", SecretString="1", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="2", ClientRequestToken=V2)
    sm.put_secret_value(SecretId="s", SecretString="3", ClientRequestToken=V3)
    assert set(sm.describe_secret(SecretId="s")["VersionIdsToStages"]) == {V2, V3}


def test_a_deleted_secret_can_be_described(sm):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken=V1)
    sm.delete_secret(SecretId="s", RecoveryWindowInDays=7)
    described = sm.describe_secret(SecretId="s")
    assert members(described) == {
        "ARN",
        "Name",
        "CreatedDate",
        "LastChangedDate",
        "DeletedDate",
        "VersionIdsToStages",
    }


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.describe_secret(SecretId="nothing")


CHANGES = {
    "a value": lambda sm: sm.put_secret_value(SecretId="s", SecretString="new"),
    "an update": lambda sm: sm.update_secret(SecretId="s", SecretString="new"),
    "a description": lambda sm: sm.update_secret(SecretId="s", Description="new"),
    "a label": lambda sm: sm.update_secret_version_stage(SecretId="s", VersionStage="x", MoveToVersionId=V1),
    "a tag": lambda sm: sm.tag_resource(SecretId="s", Tags=[{"Key": "new", "Value": ""}]),
    "a tag less": lambda sm: sm.untag_resource(SecretId="s", TagKeys=["old"]),
    "a policy": lambda sm: sm.put_resource_policy(SecretId="s", ResourcePolicy=POLICY),
    "a deletion": lambda sm: sm.delete_secret(SecretId="s"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes_the_date_of_the_last_change(server, sm, case):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken=V1, Tags=[{"Key": "old", "Value": ""}])
    before = sm.describe_secret(SecretId="s")
    assert before["LastChangedDate"] == before["CreatedDate"]
    server.advance(hours=1)
    CHANGES[case](sm)
    after = sm.describe_secret(SecretId="s")
    passed = after["LastChangedDate"] - before["LastChangedDate"]
    assert datetime.timedelta(hours=1) <= passed < datetime.timedelta(hours=1, minutes=5)
    assert after["CreatedDate"] == before["CreatedDate"]


def test_restoring_and_dropping_the_policy_change_it_too(server, sm):
    sm.create_secret(Name="s", SecretString="v")
    sm.put_resource_policy(SecretId="s", ResourcePolicy=POLICY)
    dates = [sm.describe_secret(SecretId="s")["LastChangedDate"]]
    for change in (
        lambda: sm.delete_resource_policy(SecretId="s"),
        lambda: sm.delete_secret(SecretId="s"),
        lambda: sm.restore_secret(SecretId="s"),
    ):
        server.advance(hours=1)
        change()
        dates.append(sm.describe_secret(SecretId="s")["LastChangedDate"])
    assert all(later - earlier >= datetime.timedelta(hours=1) for earlier, later in zip(dates, dates[1:]))


READS = {
    "reading": lambda sm: sm.get_secret_value(SecretId="s"),
    "reading many": lambda sm: sm.batch_get_secret_value(SecretIdList=["s"]),
    "describing": lambda sm: sm.describe_secret(SecretId="s"),
    "listing": lambda sm: sm.list_secrets(),
    "listing versions": lambda sm: sm.list_secret_version_ids(SecretId="s"),
    "reading the policy": lambda sm: sm.get_resource_policy(SecretId="s"),
    "the same token and value": lambda sm: sm.put_secret_value(
        SecretId="s", SecretString="v", ClientRequestToken=V1
    ),
}


@pytest.mark.parametrize("case", READS)
def test_does_not_change_the_date_of_the_last_change(server, sm, case):
    sm.create_secret(Name="s", SecretString="v", ClientRequestToken=V1)
    before = sm.describe_secret(SecretId="s")["LastChangedDate"]
    server.advance(hours=1)
    READS[case](sm)
    assert sm.describe_secret(SecretId="s")["LastChangedDate"] == before
