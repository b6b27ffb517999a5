"""Accounts and regions: nothing of one is visible in another."""

from __future__ import annotations

import json

import pytest

from aws import client, partial_arn, refused
from server import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION

NOT_FOUND = "Secrets Manager can't find the specified secret."


def test_a_region_of_its_own_has_secrets_of_its_own(sm, elsewhere):
    here = sm.create_secret(Name="s", SecretString="here")["ARN"]
    with refused("ResourceNotFoundException", NOT_FOUND):
        elsewhere.describe_secret(SecretId="s")
    there = elsewhere.create_secret(Name="s", SecretString="there")["ARN"]
    assert here.split(":")[3:5] == [REGION, ACCOUNT]
    assert there.split(":")[3:5] == [OTHER_REGION, ACCOUNT]
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "here"
    assert elsewhere.get_secret_value(SecretId="s")["SecretString"] == "there"
    for far, near in ((here, elsewhere), (there, sm)):
        for secret_id in (far, partial_arn(far)):
            with refused("ResourceNotFoundException", NOT_FOUND):
                near.get_secret_value(SecretId=secret_id)
    assert [entry["ARN"] for entry in sm.list_secrets()["SecretList"]] == [here]
    assert [entry["ARN"] for entry in elsewhere.list_secrets()["SecretList"]] == [there]


@pytest.mark.parametrize("region", ["ap-southeast-2", "us-gov-west-1", "me-central-1"])
def test_any_region_of_aws_is_served(server, region):
    regional = client(server, region=region)
    arn = regional.create_secret(Name="s", SecretString="v")["ARN"]
    assert arn.split(":")[3] == region
    assert arn.split(":")[1] == ("aws-us-gov" if region.startswith("us-gov") else "aws")
    assert regional.get_secret_value(SecretId=arn)["SecretString"] == "v"


def test_an_account_of_its_own_has_secrets_of_its_own(sm, stranger):
    ours = sm.create_secret(Name="s", SecretString="ours")["ARN"]
    with refused("ResourceNotFoundException", NOT_FOUND):
        stranger.describe_secret(SecretId="s")
    assert stranger.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    theirs = stranger.create_secret(Name="s", SecretString="theirs")["ARN"]
    assert theirs.split(":")[3:5] == [REGION, OTHER_ACCOUNT]
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "ours"
    assert stranger.get_secret_value(SecretId="s")["SecretString"] == "theirs"
    assert ours != theirs


OPERATIONS = {
    "get": lambda sm, arn: sm.get_secret_value(SecretId=arn),
    "describe": lambda sm, arn: sm.describe_secret(SecretId=arn),
    "versions": lambda sm, arn: sm.list_secret_version_ids(SecretId=arn),
    "put": lambda sm, arn: sm.put_secret_value(SecretId=arn, SecretString="x"),
    "update": lambda sm, arn: sm.update_secret(SecretId=arn, Description="x"),
    "stage": lambda sm, arn: sm.update_secret_version_stage(
        SecretId=arn, VersionStage="x", MoveToVersionId="v" * 32
    ),
    "tag": lambda sm, arn: sm.tag_resource(SecretId=arn, Tags=[{"Key": "k", "Value": "v"}]),
    "untag": lambda sm, arn: sm.untag_resource(SecretId=arn, TagKeys=["k"]),
    "put policy": lambda sm, arn: sm.put_resource_policy(
        SecretId=arn,
        ResourcePolicy=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": OTHER_ACCOUNT},
                "Action": "secretsmanager:*",
                "Resource": "*",
            }],
        }),
    ),
    "get policy": lambda sm, arn: sm.get_resource_policy(SecretId=arn),
    "delete policy": lambda sm, arn: sm.delete_resource_policy(SecretId=arn),
    "delete": lambda sm, arn: sm.delete_secret(SecretId=arn),
    "delete by force": lambda sm, arn: sm.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True),
    "restore": lambda sm, arn: sm.restore_secret(SecretId=arn),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_another_accounts_arn_is_refused_the_same_whether_it_is_there_or_not(sm, stranger, operation):
    arn = sm.create_secret(Name="s", SecretString="ours")["ARN"]
    missing = arn.replace("secret:s-", "secret:t-")
    before = sm.describe_secret(SecretId="s")
    for secret_id in (arn, partial_arn(arn), missing):
        with refused("AccessDeniedException"):
            OPERATIONS[operation](stranger, secret_id)
    after = sm.describe_secret(SecretId="s")
    assert before["LastChangedDate"] == after["LastChangedDate"]
    assert "LastAccessedDate" not in after


def test_another_accounts_arn_in_a_batch_is_refused_for_itself(sm, stranger):
    arn = sm.create_secret(Name="s", SecretString="ours")["ARN"]
    stranger.create_secret(Name="own", SecretString="theirs")
    answer = stranger.batch_get_secret_value(SecretIdList=["own", arn])
    assert [value["Name"] for value in answer["SecretValues"]] == ["own"]
    assert [(error["SecretId"], error["ErrorCode"]) for error in answer["Errors"]] == [
        (arn, "AccessDeniedException")
    ]


def test_a_refusal_names_the_caller_the_action_and_the_secret_as_given(sm, stranger):
    arn = sm.create_secret(Name="s", SecretString="ours")["ARN"]
    with refused(
        "AccessDeniedException",
        f"User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: secretsmanager:GetSecretValue "
        f"on resource: {arn} because no resource-based policy allows the secretsmanager:GetSecretValue action",
    ):
        stranger.get_secret_value(SecretId=arn)
