"""Rotation by functions that this server runs: made by CreateFunction from a zip, unmodified, in Python and as a native
executable."""

from __future__ import annotations

import json
import subprocess

import pytest

from aws import client, token
from rotation_functions import FUNCTIONS, MAY, make_function, make_role, package, policy, running_server, until_current
from server import ACCOUNT, REGION


@pytest.fixture(scope="session")
def native(tmp_path_factory) -> bytes:
    """The native function, built."""
    built = tmp_path_factory.mktemp("native") / "bootstrap"
    source = FUNCTIONS / "native" / "bootstrap.rs"
    subprocess.run(["rustc", "--edition", "2021", "-O", "-o", built, source], check=True, capture_output=True)
    return built.read_bytes()


@pytest.fixture(scope="module")
def shared_running_server():
    """A server that runs functions."""
    with running_server() as server:
        yield server
        assert "panicked" not in server.output(), server.output()


@pytest.fixture
def here(shared_running_server):
    """The server, empty but for a role that rotation functions may have."""
    shared_running_server.reset()
    make_role(shared_running_server)
    return shared_running_server


def python_function(server) -> str:
    """The function in Python."""
    source = (FUNCTIONS / "python" / "lambda_function.py").read_bytes()
    return make_function(server, "python3.12", "lambda_function.lambda_handler", {"lambda_function.py": source})


def test_a_function_in_python_rotates_unmodified(here):
    function = python_function(here)
    sm = client(here)
    sm.create_secret(Name="s", SecretString=json.dumps({"username": "app", "password": "first"}))
    seen = {"first"}
    for _ in range(2):
        version = sm.rotate_secret(
            SecretId="s", ClientRequestToken=token(), RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30}
        )["VersionId"]
        until_current(sm, version)
        value = json.loads(sm.get_secret_value(SecretId="s")["SecretString"])
        assert value["username"] == "app"
        seen.add(value["password"])
        # The last step has moved the label; the rotation is over once its worker knows.
        here.advance(seconds=1)
    assert len(seen) == 3


def test_a_native_function_rotates(here, native):
    function = make_function(here, "provided.al2023", "none", {"bootstrap": native})
    sm = client(here)
    sm.create_secret(Name="s", SecretString="first")
    version = sm.rotate_secret(SecretId="s", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})["VersionId"]
    until_current(sm, version)
    assert sm.get_secret_value(SecretId="s")["SecretString"] != "first"
    assert sm.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "first"


def test_a_function_may_do_what_its_role_may_and_no_more(here):
    function = python_function(here)
    iam, sm = client(here, service="iam"), client(here)
    sm.create_secret(Name="s", SecretString="first")
    iam.delete_role_policy(RoleName="rotate", PolicyName="rotate")
    sm.rotate_secret(SecretId="s", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})
    # All of its attempts, each with its wait.
    for _ in range(6):
        here.advance(seconds=700)
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "first"
    assert "LastRotatedDate" not in sm.describe_secret(SecretId="s")
    iam.put_role_policy(RoleName="rotate", PolicyName="rotate", PolicyDocument=policy(MAY))
    with pytest.raises(sm.exceptions.InvalidRequestException, match="That rotation will be reattempted"):
        sm.rotate_secret(SecretId="s")
    here.advance(seconds=1)
    assert "LastRotatedDate" in sm.describe_secret(SecretId="s")


def test_a_function_that_doesnt_let_the_service_in_is_refused(here):
    function = python_function(here)
    functions, sm = client(here, service="lambda"), client(here)
    sm.create_secret(Name="s", SecretString="first")
    rules = {"AutomaticallyAfterDays": 30}
    for statement in (
        None,
        {"Principal": "events.amazonaws.com"},
        {"Principal": "secretsmanager.amazonaws.com", "SourceAccount": "210987654321"},
        {
            "Principal": "secretsmanager.amazonaws.com",
            "SourceArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:another-AbCdEf",
        },
    ):
        functions.remove_permission(FunctionName="rotate", StatementId="rotation")
        if statement:
            functions.add_permission(
                FunctionName="rotate", StatementId="rotation", Action="lambda:InvokeFunction", **statement
            )
        with pytest.raises(sm.exceptions.ClientError) as refused:
            sm.rotate_secret(SecretId="s", RotationLambdaARN=function, RotationRules=rules)
        error = refused.value.response["Error"]
        assert error["Code"] == "AccessDeniedException" and "secretsmanager.amazonaws.com" in error["Message"], statement
        assert "RotationEnabled" not in sm.describe_secret(SecretId="s")
        if statement is None:
            functions.add_permission(
                FunctionName="rotate",
                StatementId="rotation",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
            )


def test_an_alias_rotates_by_the_version_that_it_names(here):
    function = python_function(here)
    functions, sm = client(here, service="lambda"), client(here)
    version = functions.publish_version(FunctionName="rotate")["Version"]
    functions.create_alias(FunctionName="rotate", Name="live", FunctionVersion=version)
    functions.add_permission(
        FunctionName="rotate",
        Qualifier="live",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    # What isn't published yet would fail.
    functions.update_function_code(FunctionName="rotate", ZipFile=package({"lambda_function.py": b"broken("}))
    sm.create_secret(Name="s", SecretString="first")
    made = sm.rotate_secret(
        SecretId="s", RotationLambdaARN=f"{function}:live", RotationRules={"AutomaticallyAfterDays": 30}
    )["VersionId"]
    until_current(sm, made)
