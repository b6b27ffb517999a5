"""Policy simulation by boto3: what it says is what happens."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from aws import client
from server import ACCOUNT, Credentials

READ = "secretsmanager:GetSecretValue"


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*", **condition) -> dict:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def test_a_simulation_of_a_user_says_what_requests_are_answered(server, sm, iam):
    readable = sm.create_secret(Name="s", SecretString="v")["ARN"]
    closed = sm.create_secret(Name="t", SecretString="v")["ARN"]
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy(allow(READ, readable)))
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = client(server, credentials=Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/alice", ActionNames=[READ], ResourceArns=[readable, closed]
    )["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    for specific in result["ResourceSpecificResults"]:
        arn = specific["EvalResourceName"]
        if specific["EvalResourceDecision"] == "allowed":
            assert arn == readable and alice.get_secret_value(SecretId=arn)["SecretString"] == "v"
            (statement,) = specific["MatchedStatements"]
            assert statement["SourcePolicyId"] == "user_alice_p"
            assert statement["StartPosition"]["Line"] == statement["EndPosition"]["Line"] == 1
        else:
            with pytest.raises(ClientError):
                alice.get_secret_value(SecretId=arn)


def test_policies_that_are_given_are_simulated_with_what_they_ask_for(iam):
    text = policy(allow(READ, IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"]
    assert keys == ["aws:SourceIp"]
    for address, decision in (("10.1.2.3", "allowed"), ("192.0.2.1", "implicitDeny")):
        entries = [{"ContextKeyName": keys[0], "ContextKeyValues": [address], "ContextKeyType": "ip"}]
        (result,) = iam.simulate_custom_policy(
            PolicyInputList=[text], ActionNames=[READ], ContextEntries=entries
        )["EvaluationResults"]
        assert (result["EvalDecision"], result["EvalResourceName"]) == (decision, "*")


def test_both_sides_of_two_accounts_are_told(iam):
    resource = {"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": READ, "Resource": "*"}
    (result,) = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("kms:*"))],
        ActionNames=[READ],
        ResourceArns=[f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s-AbCdEf"],
        ResourcePolicy=policy(resource),
        CallerArn="arn:aws:iam::210987654321:user/bob",
    )["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}


def test_who_may_not_simulate_is_refused(server, iam):
    iam.create_user(UserName="alice")
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = client(server, service="iam", credentials=Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    with pytest.raises(ClientError) as refused:
        alice.simulate_custom_policy(PolicyInputList=[policy(allow("*"))], ActionNames=[READ])
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    with pytest.raises(ClientError) as refused:
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/gone", ActionNames=[READ])
    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"
