"""A rotation function as AWS documents one: four steps, each safe to repeat.

It rotates the `password` of a JSON value, or the whole of any other. The system that the password is for is a file, named by
TARGET_FILE; without one there is none, and the steps that concern it have nothing to do.
"""

import json
import logging
import os

import boto3

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def lambda_handler(event, context):
    """Takes one step of one rotation."""
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_ENDPOINT"])
    logger.info("%s of version %s of %s", step, token, arn)

    # Someone else's mistake, or a leftover of an earlier rotation, must not change anything.
    metadata = client.describe_secret(SecretId=arn)
    if not metadata.get("RotationEnabled"):
        raise ValueError(f"Secret {arn} is not enabled for rotation.")
    stages = metadata["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"Secret version {token} has no stage for rotation of secret {arn}.")
    if "AWSCURRENT" in stages:
        logger.info("Secret version %s is current already.", token)
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"Secret version {token} is not set as AWSPENDING for rotation of secret {arn}.")

    steps = {
        "createSecret": create_secret,
        "setSecret": set_secret,
        "testSecret": test_secret,
        "finishSecret": finish_secret,
    }
    if step not in steps:
        raise ValueError(f"Invalid step parameter {step}.")
    steps[step](client, arn, token)


def create_secret(client, arn, token):
    """Makes a new value and keeps it as the pending version, unless an earlier attempt has."""
    current = client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")["SecretString"]
    try:
        client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        return
    except client.exceptions.ResourceNotFoundException:
        pass
    password = client.get_random_password(ExcludeCharacters="/@\"'\\")["RandomPassword"]
    client.put_secret_value(
        SecretId=arn,
        ClientRequestToken=token,
        SecretString=with_password(current, password),
        VersionStages=["AWSPENDING"],
    )


def set_secret(client, arn, token):
    """Has the system take the pending password."""
    if target := os.environ.get("TARGET_FILE"):
        with open(target, "w", encoding="utf-8") as system:
            system.write(password_of(pending(client, arn, token)))


def test_secret(client, arn, token):
    """Tries whether the system lets the pending password in."""
    password = password_of(pending(client, arn, token))
    if target := os.environ.get("TARGET_FILE"):
        with open(target, encoding="utf-8") as system:
            if system.read() != password:
                raise ValueError(f"The system does not take the pending value of secret {arn}.")


def finish_secret(client, arn, token):
    """Makes the pending version the current one."""
    versions = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
    if current == token:
        return
    client.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )


def pending(client, arn, token):
    """The pending version's value."""
    return client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")["SecretString"]


def with_password(value, password):
    """A value with another password; its other members stay."""
    members = members_of(value)
    return password if members is None else json.dumps(members | {"password": password})


def password_of(value):
    """The password in a value."""
    members = members_of(value)
    return value if members is None else members["password"]


def members_of(value):
    """The members of a JSON object, or nothing where the value is none."""
    try:
        members = json.loads(value)
    except ValueError:
        return None
    return members if isinstance(members, dict) else None
