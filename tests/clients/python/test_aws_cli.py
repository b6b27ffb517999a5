"""The AWS CLI, as a person or a script calls it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server import ACCOUNT, REGION, ROOT, clean_environment


class Cli:
    """Runs `aws secretsmanager …`, or another service's commands, against the server."""

    def __init__(self, url: str, service: str = "secretsmanager") -> None:
        self.service = service
        self.program = Path(sys.executable).with_name("aws")
        self.environment = clean_environment(
            AWS_ENDPOINT_URL=url,
            AWS_ACCESS_KEY_ID=ROOT.access_key_id,
            AWS_SECRET_ACCESS_KEY=ROOT.secret_access_key,
            AWS_DEFAULT_REGION=REGION,
            AWS_DEFAULT_OUTPUT="json",
            AWS_PAGER="",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS="1",
            PYTHONWARNINGS="ignore",
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """The finished process."""
        return subprocess.run(
            [str(self.program), self.service, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __call__(self, *arguments: str):
        """The answer as JSON, None where there is none."""
        done = self.run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert not done.stderr, (arguments, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def text(self, *arguments: str) -> str:
        """The answer as `--output text` prints it."""
        done = self.run(*arguments, "--output", "text")
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def refused(self, *arguments: str) -> str:
        """What it says about a refusal."""
        done = self.run(*arguments)
        assert done.returncode in (254, 255), (arguments, done.stdout, done.stderr)
        return done.stderr.strip()


@pytest.fixture
def aws(server) -> Cli:
    """The AWS CLI on an empty server."""
    return Cli(server.url)


def test_the_life_of_a_secret(aws, tmp_path):
    # Create and read.
    made = aws(
        "create-secret",
        "--name",
        "MyDatabaseSecret",
        "--secret-string",
        '{"username":"admin","password":"mypassword"}',
        "--tags",
        "Key=env,Value=prod",
    )
    first = made["VersionId"]
    read = ("get-secret-value", "--secret-id", "MyDatabaseSecret", "--query", "SecretString")
    assert json.loads(aws.text(*read)) == {"username": "admin", "password": "mypassword"}

    # Update, and roll back.
    second = aws("update-secret", "--secret-id", "MyDatabaseSecret", "--secret-string", "new")["VersionId"]
    assert aws.text(*read) == "new"
    stage = (
        "update-secret-version-stage", "--secret-id", "MyDatabaseSecret", "--version-stage", "AWSCURRENT",
        "--move-to-version-id", first, "--remove-from-version-id", second,
    )
    aws(*stage)
    described = aws("describe-secret", "--secret-id", "MyDatabaseSecret")
    assert described["VersionIdsToStages"] == {first: ["AWSCURRENT"], second: ["AWSPREVIOUS"]}

    # A binary value from a file.
    file = tmp_path / "value.bin"
    file.write_bytes(b"\x00\x01\xff")
    put = aws(
        "put-secret-value", "--secret-id", "MyDatabaseSecret", "--secret-binary", f"fileb://{file}",
        "--version-stages", "blue",
    )
    assert put["VersionStages"] == ["blue"]
    blue = aws("get-secret-value", "--secret-id", "MyDatabaseSecret", "--version-stage", "blue")
    assert blue["SecretBinary"] == "AAH/"
    versions = aws("list-secret-version-ids", "--secret-id", "MyDatabaseSecret")["Versions"]
    assert len(versions) == 3

    # Read many, list with filters and pages.
    for number in range(3):
        aws("create-secret", "--name", f"other/{number}", "--secret-string", str(number))
    batch = aws("batch-get-secret-value", "--secret-id-list", "other/0", "other/2", "nothing")
    assert {value["SecretString"] for value in batch["SecretValues"]} == {"0", "2"}
    assert [error["SecretId"] for error in batch["Errors"]] == ["nothing"]
    listed = aws(
        "list-secrets", "--filters", "Key=name,Values=other/", "Key=all,Values=!1", "--page-size", "1",
        "--sort-by", "name", "--sort-order", "asc",
    )
    assert [entry["Name"] for entry in listed["SecretList"]] == ["other/0", "other/2"]
    first_page = aws("list-secrets", "--max-items", "1", "--page-size", "1")
    assert len(first_page["SecretList"]) == 1 and first_page["NextToken"]

    # Tag, and set a policy.
    aws("tag-resource", "--secret-id", "MyDatabaseSecret", "--tags", "Key=owner,Value=core")
    aws("untag-resource", "--secret-id", "MyDatabaseSecret", "--tag-keys", "env")
    assert aws("describe-secret", "--secret-id", "MyDatabaseSecret")["Tags"] == [
        {"Key": "owner", "Value": "core"}
    ]
    policy = json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }],
    })
    assert aws("validate-resource-policy", "--resource-policy", policy)["PolicyValidationPassed"] is True
    aws(
        "put-resource-policy", "--secret-id", "MyDatabaseSecret", "--resource-policy", policy,
        "--block-public-policy",
    )
    got = aws("get-resource-policy", "--secret-id", "MyDatabaseSecret")
    assert json.loads(got["ResourcePolicy"]) == json.loads(policy)
    aws("delete-resource-policy", "--secret-id", "MyDatabaseSecret")

    # A new password.
    password = aws.text(
        "get-random-password", "--password-length", "20", "--exclude-punctuation", "--query", "RandomPassword"
    )
    assert len(password) == 20

    # Delete, restore, and delete for good.
    aws("delete-secret", "--secret-id", "MyDatabaseSecret", "--recovery-window-in-days", "7")
    assert "was marked for deletion" in aws.refused("get-secret-value", "--secret-id", "MyDatabaseSecret")
    aws("restore-secret", "--secret-id", "MyDatabaseSecret")
    aws("get-secret-value", "--secret-id", "MyDatabaseSecret")
    aws("delete-secret", "--secret-id", "MyDatabaseSecret", "--force-delete-without-recovery")
    assert aws.refused("get-secret-value", "--secret-id", "MyDatabaseSecret").endswith(
        "An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: "
        "Secrets Manager can't find the specified secret."
    )


def test_the_life_of_a_key(server, aws, tmp_path):
    kms = Cli(server.url, "kms")
    key = kms("create-key", "--description", "of the shop", "--tags", "TagKey=env,TagValue=prod")["KeyMetadata"]
    kms("create-alias", "--alias-name", "alias/shop", "--target-key-id", key["KeyId"])
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"\x00a file\xff")
    context = ("--encryption-context", "file=1,team=a")
    # As AWS's documentation shows it: the CLI prints blobs as base64.
    blob = kms.text(
        "encrypt", "--key-id", "alias/shop", "--plaintext", f"fileb://{plain}", *context, "--query", "CiphertextBlob"
    )
    sealed.write_bytes(base64.b64decode(blob))
    opened = kms("decrypt", "--ciphertext-blob", f"fileb://{sealed}", *context)
    assert base64.b64decode(opened["Plaintext"]) == plain.read_bytes()
    assert opened["KeyId"] == key["Arn"]
    assert "InvalidCiphertextException" in kms.refused("decrypt", "--ciphertext-blob", f"fileb://{sealed}")
    assert len(base64.b64decode(kms("generate-data-key", "--key-id", key["Arn"], "--key-spec", "AES_256")["Plaintext"])) == 32
    kms("enable-key-rotation", "--key-id", key["KeyId"])
    kms("rotate-key-on-demand", "--key-id", key["KeyId"])
    assert kms("get-key-rotation-status", "--key-id", key["KeyId"])["KeyRotationEnabled"] is True
    assert "kms:*" in kms.text("get-key-policy", "--key-id", key["KeyId"], "--policy-name", "default", "--query", "Policy")
    aws("create-secret", "--name", "shop", "--secret-string", "v", "--kms-key-id", "alias/shop")
    planned = kms("schedule-key-deletion", "--key-id", key["KeyId"], "--pending-window-in-days", "7")
    assert planned["KeyState"] == "PendingDeletion"
    assert kms.refused("decrypt", "--ciphertext-blob", f"fileb://{sealed}", *context).endswith(
        f"An error occurred (KMSInvalidStateException) when calling the Decrypt operation: {key['Arn']} is pending deletion."
    )
    kms("cancel-key-deletion", "--key-id", key["KeyId"])
    kms("enable-key", "--key-id", key["KeyId"])
    assert aws.text("get-secret-value", "--secret-id", "shop", "--query", "SecretString") == "v"


def test_dates_are_numbers_that_the_cli_understands(aws):
    aws("create-secret", "--name", "s", "--secret-string", "v")
    created = aws.text("describe-secret", "--secret-id", "s", "--query", "CreatedDate")
    assert abs(float(created) - time.time()) < 300


def test_a_secret_rotates_by_itself(aws):
    aws("create-secret", "--name", "s", "--secret-string", "v")
    said = aws.refused("rotate-secret", "--secret-id", "s")
    assert "No Lambda rotation function ARN is associated with this secret." in said
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-random-value"
    rules = '{"ScheduleExpression": "rate(10 days)", "Duration": "2h"}'
    rotated = aws("rotate-secret", "--secret-id", "s", "--rotation-lambda-arn", function, "--rotation-rules", rules)
    deadline = time.monotonic() + 15
    while "LastRotatedDate" not in (described := aws("describe-secret", "--secret-id", "s")):
        assert time.monotonic() < deadline
    assert described["VersionIdsToStages"][rotated["VersionId"]] == ["AWSCURRENT"]
    assert described["RotationRules"]["ScheduleExpression"] == "rate(10 days)"
    assert aws.text("get-secret-value", "--secret-id", "s", "--query", "SecretString") != "v"
    aws("cancel-rotate-secret", "--secret-id", "s")
    assert aws("describe-secret", "--secret-id", "s")["RotationEnabled"] is False
