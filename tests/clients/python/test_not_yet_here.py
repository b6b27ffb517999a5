"""Replication: a clear refusal, never a pretended success."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from aws import members, refused, stages
from server import REGION

CALLS = {
    "ReplicateSecretToRegions": lambda sm: sm.replicate_secret_to_regions(
        SecretId="s", AddReplicaRegions=[{"Region": "eu-west-1"}]
    ),
    "RemoveRegionsFromReplication": lambda sm: sm.remove_regions_from_replication(
        SecretId="s", RemoveReplicaRegions=["eu-west-1"]
    ),
    "StopReplicationToReplica": lambda sm: sm.stop_replication_to_replica(SecretId="s"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_refuses_clearly_and_changes_nothing(sm, operation):
    sm.create_secret(Name="s", SecretString="v")
    before, labels = sm.describe_secret(SecretId="s"), stages(sm, "s")
    with refused({"InvalidRequestException", "InvalidParameterException"}, re.compile(".{20}")):
        CALLS[operation](sm)
    after = sm.describe_secret(SecretId="s")
    assert {k: after[k] for k in members(after)} == {k: before[k] for k in members(before)}
    assert stages(sm, "s") == labels


# Newer members of the model, of operations that came after the behaviour this server follows.
NEWER = {
    "AssociateCrossAccountReplica": {
        "SecretId": "s",
        "CrossAccountReplicaARN": f"arn:aws:secretsmanager:{REGION}:210987654321:secret:s-abcdef",
    },
    "DisassociateCrossAccountReplica": {
        "SecretId": "s",
        "CrossAccountReplicaARN": f"arn:aws:secretsmanager:{REGION}:210987654321:secret:s-abcdef",
    },
    "ListResourcePolicies": {"SecretId": "s"},
}


@pytest.mark.parametrize("operation", NEWER)
def test_a_newer_operation_is_unknown(wire, operation):
    answer = wire.call(operation, NEWER[operation])
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_an_sdk_reports_the_unknown_operation(sm):
    sm.create_secret(Name="s", SecretString="v")
    with pytest.raises(ClientError) as raised:
        sm.list_resource_policies(SecretId="s")
    assert raised.value.response["Error"]["Code"] == "UnknownOperationException"
