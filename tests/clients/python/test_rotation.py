"""RotateSecret and CancelRotateSecret as boto3 calls them, with a function that is built in."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from aws import client, refused, stages, token
from server import ACCOUNT, REGION

BUILT_IN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-random-value"
DAILY = {"ScheduleExpression": "rate(1 day)"}


def until(holds, seconds: float = 15) -> None:
    """Waits for what is done behind an answer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it doesn't come to be"
        time.sleep(0.02)


def settled(sm) -> bool:
    """Whether no version is pending."""
    return not any("AWSPENDING" in labels for labels in stages(sm, "s").values())


@pytest.fixture
def secret(sm):
    """A secret that rotates each day."""
    sm.create_secret(Name="s", SecretString="first")
    sm.rotate_secret(SecretId="s", RotationLambdaARN=BUILT_IN, RotationRules=DAILY)
    until(lambda: settled(sm))
    return sm


def test_a_rotation_shows_in_every_answer(secret):
    described = secret.describe_secret(SecretId="s")
    listed = secret.list_secrets()["SecretList"][0]
    for shown in (described, listed):
        assert shown["RotationEnabled"] is True
        assert shown["RotationLambdaARN"] == BUILT_IN
        assert shown["RotationRules"] == {"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"}
        assert shown["LastRotatedDate"] == shown["LastChangedDate"]
        tomorrow = (shown["LastRotatedDate"].astimezone(UTC) + timedelta(days=1)).date()
        assert shown["NextRotationDate"].astimezone(UTC) == datetime(
            tomorrow.year, tomorrow.month, tomorrow.day, 23, 59, 59, tzinfo=UTC
        )
    assert secret.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "first"


def test_a_secret_rotates_each_time_its_window_comes(secret, server):
    seen = {secret.get_secret_value(SecretId="s")["SecretString"]}
    for _ in range(5):
        server.advance(days=2)
        # What is due was done before the clock's answer.
        assert settled(secret)
        seen.add(secret.get_secret_value(SecretId="s")["SecretString"])
    assert len(seen) == 6
    assert secret.describe_secret(SecretId="s")["NextRotationDate"].timestamp() > server.now()


def test_a_cancelled_rotation_stays_off_until_it_is_turned_on(secret, server):
    answer = secret.cancel_rotate_secret(SecretId="s")
    assert answer["Name"] == "s" and "VersionId" not in answer
    before = secret.get_secret_value(SecretId="s")["VersionId"]
    server.advance(days=3)
    described = secret.describe_secret(SecretId="s")
    assert described["RotationEnabled"] is False and "NextRotationDate" not in described
    assert described["RotationLambdaARN"] == BUILT_IN
    assert secret.get_secret_value(SecretId="s")["VersionId"] == before
    version = secret.rotate_secret(SecretId="s")["VersionId"]
    until(lambda: settled(secret))
    assert secret.get_secret_value(SecretId="s")["VersionId"] == version


def test_a_deleted_secret_doesnt_rotate_and_a_restored_one_does(secret, server):
    secret.delete_secret(SecretId="s")
    server.advance(days=3)
    assert "NextRotationDate" not in secret.describe_secret(SecretId="s")
    secret.restore_secret(SecretId="s")
    before = secret.get_secret_value(SecretId="s")["VersionId"]
    server.advance(days=2)
    assert secret.get_secret_value(SecretId="s")["VersionId"] != before


def test_repeating_a_request_rotates_once(secret):
    version = token()
    for _ in range(3):
        assert secret.rotate_secret(SecretId="s", ClientRequestToken=version)["VersionId"] == version
    until(lambda: settled(secret))
    ids = secret.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)["Versions"]
    assert len(ids) == 3


REFUSED = {
    "no function": ({"RotationRules": DAILY}, "InvalidRequestException", "No Lambda rotation function ARN"),
    "no schedule": ({"RotationLambdaARN": BUILT_IN}, "InvalidParameterException", "when the secret rotates"),
    "two schedules": (
        {"RotationLambdaARN": BUILT_IN, "RotationRules": {"AutomaticallyAfterDays": 1, **DAILY}},
        "InvalidParameterException",
        "You cannot specify both rotation frequency and schedule expression together.",
    ),
    "a rate too quick": (
        {"RotationLambdaARN": BUILT_IN, "RotationRules": {"ScheduleExpression": "rate(1 hour)"}},
        "InvalidParameterException",
        "every 4 hours",
    ),
    "a calendar without days": (
        {"RotationLambdaARN": BUILT_IN, "RotationRules": {"ScheduleExpression": "cron(0 8 ? * ? *)"}},
        "InvalidParameterException",
        "day of month and day of week",
    ),
    "a window too long": (
        {"RotationLambdaARN": BUILT_IN, "RotationRules": {"ScheduleExpression": "cron(0 20 * * ? *)", "Duration": "5h"}},
        "InvalidParameterException",
        "window must end",
    ),
    "no such function": (
        {"RotationLambdaARN": BUILT_IN.replace("strongroom-random-value", "nobody"), "RotationRules": DAILY},
        "AccessDeniedException",
        "secretsmanager.amazonaws.com",
    ),
    "no such built-in function": (
        {"RotationLambdaARN": BUILT_IN.replace("random-value", "nothing"), "RotationRules": DAILY},
        "InvalidParameterException",
        "There is no built-in function",
    ),
    "no function's ARN": (
        {"RotationLambdaARN": "arn:aws:s3:::bucket", "RotationRules": DAILY},
        "InvalidParameterException",
        "not the ARN of a Lambda function",
    ),
    "a parameter unknown": (
        {
            "RotationLambdaARN": BUILT_IN,
            "RotationRules": DAILY,
            "ExternalSecretRotationMetadata": [{"Key": "Nonsense", "Value": "1"}],
        },
        "InvalidParameterException",
        "no parameter 'Nonsense'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_rotation_leaves_the_secret_as_it_was(sm, case):
    request, code, text = REFUSED[case]
    sm.create_secret(Name="s", SecretString="v")
    before = sm.describe_secret(SecretId="s")
    with refused(code, re.compile(re.escape(text))):
        sm.rotate_secret(SecretId="s", **request)
    after = sm.describe_secret(SecretId="s")
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == before


def test_a_key_that_its_account_may_not_use_is_told(sm, server):
    """A built-in function acts for the secret's account, and no further than the key's policy lets that."""
    kms = client(server, service="kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sm.create_secret(Name="s", SecretString="v", KmsKeyId=key)
    kms.disable_key(KeyId=key)
    sm.rotate_secret(SecretId="s", RotationLambdaARN=BUILT_IN, RotationRules=DAILY)
    kms.enable_key(KeyId=key)
    server.advance(hours=1)
    until(lambda: settled(sm))
    assert sm.get_secret_value(SecretId="s")["SecretString"] != "v"
