"""The four operations on resource policies: what is kept, what is refused, what is reported."""

from __future__ import annotations

import json
import re

import pytest

from aws import members, refused
from server import ACCOUNT, REGION

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"


def statement(**changes) -> dict:
    """A statement that lets the own account read; None takes a member away."""
    made = {
        "Sid": "Read",
        "Effect": "Allow",
        "Principal": {"AWS": ROOT_ARN},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def policy(*statements: dict, **changes) -> str:
    """A policy document."""
    made = {"Version": "2012-10-17", "Statement": list(statements) or [statement()]} | changes
    return json.dumps({name: value for name, value in made.items() if value is not None})


@pytest.fixture
def one(sm):
    """One secret."""
    sm.create_secret(Name="s", SecretString="v")
    return sm


def test_a_secret_has_no_policy_at_first(one):
    assert members(one.get_resource_policy(SecretId="s")) == {"ARN", "Name"}


def test_a_policy_comes_back_byte_for_byte(one):
    given = '{ "Version" : "2012-10-17",\n  "Statement":[' + json.dumps(statement()) + "]  }"
    assert members(one.put_resource_policy(SecretId="s", ResourcePolicy=given)) == {"ARN", "Name"}
    got = one.get_resource_policy(SecretId="s")
    assert members(got) == {"ARN", "Name", "ResourcePolicy"}
    assert got["ResourcePolicy"] == given


def test_a_policy_replaces_the_one_before(one):
    one.put_resource_policy(SecretId="s", ResourcePolicy=policy())
    new = policy(statement(Action=["secretsmanager:DescribeSecret"]))
    one.put_resource_policy(SecretId="s", ResourcePolicy=new)
    assert one.get_resource_policy(SecretId="s")["ResourcePolicy"] == new


def test_a_policy_can_be_deleted_again_and_again(one):
    one.put_resource_policy(SecretId="s", ResourcePolicy=policy())
    for _ in range(2):
        assert members(one.delete_resource_policy(SecretId="s")) == {"ARN", "Name"}
        assert members(one.get_resource_policy(SecretId="s")) == {"ARN", "Name"}


ACCEPTED = {
    "the account by its number": policy(statement(Principal={"AWS": ACCOUNT})),
    "another account": policy(statement(Principal={"AWS": "arn:aws:iam::999999999999:root"})),
    "another account by its number": policy(statement(Principal={"AWS": ["999999999999"]})),
    "a service": policy(statement(Principal={"Service": "rds.amazonaws.com"})),
    "a list of actions": policy(statement(Action=["secretsmanager:Get*", "secretsmanager:DescribeSecret"])),
    "all actions": policy(statement(Action="secretsmanager:*")),
    "a single statement, not in a list": json.dumps({"Version": "2012-10-17", "Statement": statement()}),
    "the old version": policy(Version="2008-10-17"),
    "no version": policy(Version=None),
    "an id": policy(Id="my-policy"),
    "a condition": policy(
        statement(Condition={"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}})
    ),
    "the secret's ARN": policy(
        statement(Resource=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s-??????")
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts(one, case):
    one.put_resource_policy(SecretId="s", ResourcePolicy=ACCEPTED[case])
    assert one.get_resource_policy(SecretId="s")["ResourcePolicy"] == ACCEPTED[case]


MALFORMED = {
    "no JSON": "{nonsense",
    "a text": '"policy"',
    "a list": "[]",
    "an empty object": "{}",
    "no statement": policy(Statement=[]),
    "an unknown member": policy(Extra="x"),
    "an unknown version": policy(Version="2020-01-01"),
    "no effect": policy(statement(Effect=None)),
    "an effect in lower case": policy(statement(Effect="allow")),
    "no action": policy(statement(Action=None)),
    "no principal": policy(statement(Principal=None)),
    "no resource": policy(statement(Resource=None)),
    "an unknown member of a statement": policy(statement(Colour="red")),
    "an unknown operator": policy(statement(Condition={"StringSounds": {"aws:username": "x"}})),
    "a condition that is no object": policy(statement(Condition="x")),
    "an action of another service": policy(statement(Action="s3:GetObject")),
    "trailing text": policy() + " x",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_refuses_what_is_malformed(one, case):
    with refused("MalformedPolicyDocumentException"):
        one.put_resource_policy(SecretId="s", ResourcePolicy=MALFORMED[case])
    assert "ResourcePolicy" not in one.get_resource_policy(SecretId="s")


def test_the_words_for_invalid_json_and_syntax(one):
    with refused("MalformedPolicyDocumentException", re.compile("JSON|syntax")):
        one.put_resource_policy(SecretId="s", ResourcePolicy="{nonsense")
    with refused("MalformedPolicyDocumentException", "This policy has invalid syntax."):
        one.put_resource_policy(SecretId="s", ResourcePolicy=policy(statement(Effect="Perhaps")))


@pytest.mark.parametrize("name", ["user/nobody", "role/nobody"])
def test_an_own_principal_that_is_not_there_is_refused(one, name):
    given = policy(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:{name}"}))
    with refused(
        "MalformedPolicyDocumentException",
        re.compile("^This resource policy contains an unsupported principal"),
    ):
        one.put_resource_policy(SecretId="s", ResourcePolicy=given)


LOCKOUTS = {
    "the account": statement(Effect="Deny", Action="secretsmanager:*"),
    "everyone": statement(Effect="Deny", Principal="*", Action="secretsmanager:*"),
    "putting a policy alone": statement(Effect="Deny", Action="secretsmanager:PutResourcePolicy"),
}


@pytest.mark.parametrize("case", LOCKOUTS)
def test_a_policy_that_locks_its_author_out_is_refused(one, case):
    told = re.compile("^Statement 1 of this resource policy denies you secretsmanager:PutResourcePolicy")
    with refused("InvalidRequestException", told):
        one.put_resource_policy(SecretId="s", ResourcePolicy=policy(LOCKOUTS[case]))
    assert "ResourcePolicy" not in one.get_resource_policy(SecretId="s")


PUBLIC = {
    "everyone": statement(Principal="*"),
    "every AWS principal": statement(Principal={"AWS": "*"}),
    "everyone in a list": statement(Principal={"AWS": ["*"]}),
}


@pytest.mark.parametrize("case", PUBLIC)
def test_a_public_policy_is_refused_on_request(one, case):
    given = policy(PUBLIC[case])
    with refused("PublicPolicyException"):
        one.put_resource_policy(SecretId="s", ResourcePolicy=given, BlockPublicPolicy=True)
    assert "ResourcePolicy" not in one.get_resource_policy(SecretId="s")
    one.put_resource_policy(SecretId="s", ResourcePolicy=given)
    assert one.get_resource_policy(SecretId="s")["ResourcePolicy"] == given


def test_everyone_of_a_known_account_is_not_public(one):
    given = policy(
        statement(Principal="*", Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
    )
    one.put_resource_policy(SecretId="s", ResourcePolicy=given, BlockPublicPolicy=True)


def test_a_policy_has_at_most_20480_characters(one):
    short = policy()
    fits = short + " " * (20480 - len(short))
    one.put_resource_policy(SecretId="s", ResourcePolicy=fits)
    with refused({"ValidationException", "MalformedPolicyDocumentException"}):
        one.put_resource_policy(SecretId="s", ResourcePolicy=fits + " ")


@pytest.mark.parametrize(
    "call",
    [
        lambda sm: sm.put_resource_policy(SecretId="nothing", ResourcePolicy=policy()),
        lambda sm: sm.get_resource_policy(SecretId="nothing"),
        lambda sm: sm.delete_resource_policy(SecretId="nothing"),
        lambda sm: sm.validate_resource_policy(SecretId="nothing", ResourcePolicy=policy()),
    ],
    ids=["put", "get", "delete", "validate"],
)
def test_a_missing_secret_is_not_found(sm, call):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        call(sm)


def test_a_good_policy_passes_validation(one):
    for parameters in ({}, {"SecretId": "s"}):
        answer = one.validate_resource_policy(ResourcePolicy=policy(), **parameters)
        assert answer["PolicyValidationPassed"] is True
        assert not answer.get("ValidationErrors")
    assert "ResourcePolicy" not in one.get_resource_policy(SecretId="s"), "validating keeps nothing"


FAILING = {
    "broad access": policy(statement(Principal="*")),
    "lock-out": policy(statement(Effect="Deny", Action="secretsmanager:*")),
    "an effect that is none": policy(statement(Effect="Perhaps")),
    "an action of another service": policy(statement(Action="s3:GetObject")),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failed_check_is_told_as_data(one, case):
    answer = one.validate_resource_policy(SecretId="s", ResourcePolicy=FAILING[case])
    assert answer["PolicyValidationPassed"] is False
    assert answer["ValidationErrors"]
    for error in answer["ValidationErrors"]:
        assert error["CheckName"] and error["ErrorMessage"]


def test_broad_access_is_told_by_its_check(one):
    answer = one.validate_resource_policy(ResourcePolicy=policy(statement(Principal="*")))
    assert "REFLEXIVE_PRINCIPAL_CHECK" in {error["CheckName"] for error in answer["ValidationErrors"]}
