"""Rotation by functions that a server outside runs, as AWS Lambda would: `strongroom dev --lambda-endpoint`, and
`[[functions.endpoints]]` in production."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aws import client, stages
from certificate import certificate
from lambda_server import FunctionProcess, LambdaServer, refusal
from production import production
from server import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, ROOT, Credentials, Server

FUNCTION = Path(__file__).parents[1] / "functions" / "python" / "lambda_function.py"
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
VALUE = {"username": "app", "password": "first"}
TOKEN = "11111111-2222-3333-4444-555555555555"


def arn(name: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    """A function's."""
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def rotating(url: str, credentials: Credentials = ROOT, region: str = REGION, **environment: str) -> FunctionProcess:
    """The rotation function, which calls a server back."""
    return FunctionProcess(
        FUNCTION,
        SECRETS_MANAGER_ENDPOINT=url,
        AWS_ACCESS_KEY_ID=credentials.access_key_id,
        AWS_SECRET_ACCESS_KEY=credentials.secret_access_key,
        AWS_DEFAULT_REGION=region,
        **environment,
    )


def until(holds: Callable[[], object], seconds: float = 15) -> None:
    """Waits for what is done behind an answer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it doesn't come to be"
        time.sleep(0.05)


def rotated(sm, secret: str = "s") -> bool:
    """Whether a rotation has come to its end."""
    return "LastRotatedDate" in sm.describe_secret(SecretId=secret)


def value(sm, **version) -> dict:
    """A secret's value."""
    return json.loads(sm.get_secret_value(SecretId="s", **version)["SecretString"])


@pytest.fixture(scope="module")
def elsewhere_and_here():
    """A server of functions, and a server that invokes there what nothing else answers for."""
    with LambdaServer() as functions, Server("--lambda-endpoint", functions.url) as server:
        yield functions, server
        assert "panicked" not in server.output(), server.output()


@pytest.fixture
def server(elsewhere_and_here) -> Server:
    """The server, empty."""
    elsewhere_and_here[1].reset()
    return elsewhere_and_here[1]


@pytest.fixture
def functions(elsewhere_and_here, server: Server):
    """The server of functions, with the rotation function as `rotate`."""
    functions = elsewhere_and_here[0]
    functions.invocations.clear()
    functions.refused.clear()
    functions.functions = {"rotate": rotating(server.url)}
    yield functions
    for function in functions.functions.values():
        if isinstance(function, FunctionProcess):
            function.stop()


@pytest.fixture
def sm(server: Server):
    """boto3, with a secret."""
    sm = client(server)
    sm.create_secret(Name="s", SecretString=json.dumps(VALUE))
    return sm


def test_a_function_elsewhere_takes_the_four_steps(sm, functions, tmp_path):
    target = tmp_path / "system"
    functions.functions["rotate"].stop()
    functions.functions["rotate"] = rotating(sm.meta.endpoint_url, TARGET_FILE=str(target))
    first = sm.describe_secret(SecretId="s")["VersionIdsToStages"]
    answer = sm.rotate_secret(
        SecretId="s", ClientRequestToken=TOKEN, RotationLambdaARN=arn("rotate"), RotationRules={"AutomaticallyAfterDays": 30}
    )
    assert answer["VersionId"] == TOKEN
    until(lambda: rotated(sm))

    assert [invocation.event["Step"] for invocation in functions.invocations] == STEPS
    for invocation in functions.invocations:
        assert {"SecretId", "ClientRequestToken", "Step"} <= set(invocation.event)
        assert set(invocation.event) <= {"SecretId", "ClientRequestToken", "Step", "RotationToken"}
        assert invocation.event["SecretId"] == answer["ARN"]
        assert invocation.event["ClientRequestToken"] == TOKEN
        assert invocation.headers["x-amz-invocation-type"] == "RequestResponse"
        assert (invocation.access_key_id, invocation.region) == (ROOT.access_key_id, REGION)
    assert functions.refused == []

    now = value(sm)
    assert now["username"] == "app" and now["password"] != "first"
    assert re.fullmatch("[^/@\"'\\\\]{32}", now["password"])
    assert target.read_text() == now["password"]
    assert value(sm, VersionStage="AWSPREVIOUS") == VALUE
    assert "AWSCURRENT" in stages(sm, "s")[TOKEN]
    assert stages(sm, "s")[next(iter(first))] == {"AWSPREVIOUS"}


def test_a_step_that_fails_leaves_the_value_and_is_tried_again(server, sm, functions):
    rotate = functions.functions["rotate"]
    failures = iter([True])

    def fails_once(event):
        if event["Step"] == "setSecret" and next(failures, False):
            raise ValueError("the system is away")
        return rotate(event)

    functions.functions["fails-once"] = fails_once
    sm.rotate_secret(
        SecretId="s", ClientRequestToken=TOKEN, RotationLambdaARN=arn("fails-once"), RotationRules={"AutomaticallyAfterDays": 30}
    )
    until(lambda: len(functions.invocations) == 2)
    assert value(sm) == VALUE
    assert stages(sm, "s")[TOKEN] == {"AWSPENDING"}
    server.advance(hours=1)
    until(lambda: rotated(sm))
    taken = [invocation.event["Step"] for invocation in functions.invocations]
    assert taken[:2] == STEPS[:2] and taken[2:] == STEPS
    assert {invocation.event["ClientRequestToken"] for invocation in functions.invocations} == {TOKEN}
    assert value(sm)["password"] != "first"


def test_a_server_of_functions_that_is_busy_is_asked_again(server, sm, functions):
    rotate = functions.functions["rotate"]
    busy = iter([True])
    functions.functions["busy"] = lambda event: (
        refusal(429, "TooManyRequestsException", "Rate Exceeded.") if next(busy, False) else rotate(event)
    )
    sm.rotate_secret(SecretId="s", RotationLambdaARN=arn("busy"), RotationRules={"AutomaticallyAfterDays": 30})
    until(lambda: functions.invocations)
    server.advance(hours=1)
    until(lambda: rotated(sm))
    assert [invocation.event["Step"] for invocation in functions.invocations] == STEPS[:1] + STEPS


def test_a_function_that_isnt_there_leaves_the_value(sm, functions):
    sm.rotate_secret(
        SecretId="s", ClientRequestToken=TOKEN, RotationLambdaARN=arn("absent"), RotationRules={"AutomaticallyAfterDays": 30}
    )
    until(lambda: "AWSPENDING" in stages(sm, "s").get(TOKEN, set()))
    assert value(sm) == VALUE
    assert not rotated(sm)


def test_what_rotates_later_has_its_function_tried_at_once(server, sm, functions):
    sm.rotate_secret(
        SecretId="s",
        RotationLambdaARN=arn("rotate"),
        RotationRules={"AutomaticallyAfterDays": 30},
        RotateImmediately=False,
    )
    until(lambda: functions.invocations)
    until(lambda: not any("AWSPENDING" in labels for labels in stages(sm, "s").values()))
    assert [invocation.event["Step"] for invocation in functions.invocations] == ["testSecret"]
    assert value(sm) == VALUE
    server.advance(days=32)
    until(lambda: rotated(sm))
    assert [invocation.event["Step"] for invocation in functions.invocations] == ["testSecret", *STEPS]
    assert value(sm)["password"] != "first"


def test_a_qualifier_and_another_region_and_account_reach_the_server(server, functions):
    stranger = server.create_account(OTHER_ACCOUNT)
    theirs = client(server, credentials=stranger, region=OTHER_REGION)
    functions.functions["theirs"] = rotating(server.url, stranger, OTHER_REGION)
    theirs.create_secret(Name="s", SecretString="a word")
    function = arn("theirs", region=OTHER_REGION, account=OTHER_ACCOUNT)
    theirs.rotate_secret(SecretId="s", RotationLambdaARN=f"{function}:live", RotationRules={"AutomaticallyAfterDays": 30})
    until(lambda: rotated(theirs))
    assert {(invocation.qualifier, invocation.region) for invocation in functions.invocations} == {("live", OTHER_REGION)}
    assert theirs.get_secret_value(SecretId="s")["SecretString"] != "a word"


def test_a_development_server_without_an_endpoint_has_no_such_function():
    with Server() as server:
        sm = client(server)
        sm.create_secret(Name="s", SecretString="v")
        with pytest.raises(sm.exceptions.ClientError) as refused:
            sm.rotate_secret(SecretId="s", RotationLambdaARN=arn("rotate"), RotationRules={"AutomaticallyAfterDays": 30})
        assert "rotate" in refused.value.response["Error"]["Message"]


def test_in_production_a_pattern_names_the_server_and_its_authority(tmp_path):
    ca_file, served = certificate(tmp_path)
    caller = Credentials("AKIAOFLAMBDA", "secret/of/lambda", session_token="a-token-of-lambda")
    kept = (
        f"AWS_ACCESS_KEY_ID={caller.access_key_id}\nAWS_SECRET_ACCESS_KEY={caller.secret_access_key}\n"
        f"AWS_SESSION_TOKEN={caller.session_token}\n"
    )
    key_file = tmp_path / "root.key"
    with (
        LambdaServer(caller, certificate=served) as functions,
        production(seal=f'key_file = "{key_file}"', secrets={"lambda": kept}) as made,
    ):
        credentials_file = made.folder.parent / "secrets" / "lambda"
        with made.config.open("a") as config:
            config.write(
                f'[[functions.endpoints]]\npattern = "arn:aws:lambda:*:function:rotate*"\nurl = "{functions.url}"\n'
                f'credentials_file = "{credentials_file}"\nca_file = "{ca_file}"\n'
            )
        root = made.init()
        made.start()
        functions.functions["rotate-it"] = rotating(made.url, root)
        sm = client(made, credentials=root)
        sm.create_secret(Name="s", SecretString=json.dumps(VALUE))
        sm.rotate_secret(SecretId="s", RotationLambdaARN=arn("rotate-it"), RotationRules={"AutomaticallyAfterDays": 30})
        until(lambda: rotated(sm))
        assert value(sm)["password"] != "first"
        assert {invocation.access_key_id for invocation in functions.invocations} == {caller.access_key_id}
        assert functions.refused == []
        log = made.log.read_text()
        assert caller.secret_access_key not in log and caller.session_token not in log
        made.terminate()
