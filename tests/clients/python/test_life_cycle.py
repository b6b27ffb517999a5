"""The life of a secret as boto3 sees it: one story through every kind of call."""

from __future__ import annotations

import json

from aws import refused, stages
from server import ACCOUNT


def test_the_life_of_a_secret(server, sm):
    # Create and read.
    made = sm.create_secret(
        Name="app/MyDatabaseSecret",
        Description="Database of the app",
        SecretString=json.dumps({"username": "admin", "password": "mypassword"}),
        Tags=[{"Key": "env", "Value": "prod"}],
    )
    first = made["VersionId"]
    secret = json.loads(sm.get_secret_value(SecretId="app/MyDatabaseSecret")["SecretString"])
    assert secret == {"username": "admin", "password": "mypassword"}

    # Update, and roll back.
    second = sm.put_secret_value(SecretId=made["ARN"], SecretString="changed")["VersionId"]
    assert stages(sm, made["ARN"]) == {first: {"AWSPREVIOUS"}, second: {"AWSCURRENT"}}
    sm.update_secret_version_stage(
        SecretId=made["ARN"], VersionStage="AWSCURRENT", MoveToVersionId=first, RemoveFromVersionId=second
    )
    assert stages(sm, made["ARN"]) == {first: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}}
    assert json.loads(sm.get_secret_value(SecretId=made["ARN"])["SecretString"]) == secret

    # Read many, list with filters and pages.
    for number in range(12):
        sm.create_secret(Name=f"other/{number:02}", SecretString=str(number))
    batch = sm.batch_get_secret_value(SecretIdList=["app/MyDatabaseSecret", "other/03", "nothing"])
    assert {value["Name"] for value in batch["SecretValues"]} == {"app/MyDatabaseSecret", "other/03"}
    assert [error["ErrorCode"] for error in batch["Errors"]] == ["ResourceNotFoundException"]
    pages = list(
        sm.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": ["other/"]}], PaginationConfig={"PageSize": 5}
        )
    )
    assert [len(page["SecretList"]) for page in pages] == [5, 5, 2]
    tagged = sm.list_secrets(Filters=[{"Key": "tag-value", "Values": ["prod"]}])["SecretList"]
    assert [entry["Name"] for entry in tagged] == ["app/MyDatabaseSecret"]

    # Tag, and set a policy.
    sm.tag_resource(SecretId=made["ARN"], Tags=[{"Key": "owner", "Value": "core"}])
    sm.untag_resource(SecretId=made["ARN"], TagKeys=["env"])
    assert sm.describe_secret(SecretId=made["ARN"])["Tags"] == [{"Key": "owner", "Value": "core"}]
    policy = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }],
    })
    assert sm.validate_resource_policy(ResourcePolicy=policy)["PolicyValidationPassed"]
    sm.put_resource_policy(SecretId=made["ARN"], ResourcePolicy=policy, BlockPublicPolicy=True)
    assert sm.get_resource_policy(SecretId=made["ARN"])["ResourcePolicy"] == policy
    sm.delete_resource_policy(SecretId=made["ARN"])

    # A new password.
    new = sm.get_random_password(PasswordLength=20, ExcludePunctuation=True)["RandomPassword"]
    assert len(new) == 20 and new.isalnum()
    sm.update_secret(SecretId=made["ARN"], SecretString=new, Description="With a new password")
    assert sm.get_secret_value(SecretId=made["ARN"])["SecretString"] == new
    versions = sm.list_secret_version_ids(SecretId=made["ARN"], IncludeDeprecated=True)["Versions"]
    assert len(versions) == 3

    # Delete, restore, and delete for good.
    sm.delete_secret(SecretId=made["ARN"], RecoveryWindowInDays=7)
    with refused("InvalidRequestException"):
        sm.get_secret_value(SecretId=made["ARN"])
    sm.restore_secret(SecretId=made["ARN"])
    assert sm.get_secret_value(SecretId=made["ARN"])["SecretString"] == new
    sm.delete_secret(SecretId=made["ARN"], RecoveryWindowInDays=7)
    server.advance(days=7, hours=1)
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=made["ARN"])
