"""Functions by boto3, and by the AWS CLI: made, changed, published, named and opened to others."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from aws import check_wire_form, client
from botocore.exceptions import ClientError
from server import ACCOUNT, OTHER_ACCOUNT, REGION, ROOT, Credentials, clean_environment

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
SOURCE = "def handler(event, context):\n    return event\n"


def package(source: str = SOURCE) -> bytes:
    """An archive with one file."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rotate.py", source)
    return whole.getvalue()


def failed(call, **parameters) -> dict:
    """What a call is answered that must fail."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response


@pytest.fixture
def functions(server):
    """boto3 for Lambda, as the first account's root."""
    return client(server, service="lambda")


@pytest.fixture
def role(iam) -> str:
    """The ARN of a role that functions may have."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return iam.create_role(RoleName="rotate", AssumeRolePolicyDocument=document)["Role"]["Arn"]


@pytest.fixture
def function(functions, role) -> dict:
    """A function, as it was answered."""
    return functions.create_function(
        FunctionName="rotate",
        Runtime="python3.12",
        Handler="rotate.handler",
        Role=role,
        Code={"ZipFile": package()},
        Environment={"Variables": {"PASSWORD": "hunter2"}},
        Tags={"team": "a"},
    )


def test_a_function_is_made_shown_changed_and_deleted(functions, function):
    assert function["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert function["FunctionArn"] == ARN
    assert function["CodeSha256"] == base64.b64encode(hashlib.sha256(package()).digest()).decode()
    assert function["CodeSize"] == len(package())
    functions.get_waiter("function_active_v2").wait(FunctionName="rotate")
    found = functions.get_function(FunctionName=ARN)
    assert found["Configuration"]["Environment"] == {"Variables": {"PASSWORD": "hunter2"}}
    assert found["Tags"] == {"team": "a"}
    changed = functions.update_function_code(FunctionName="rotate", ZipFile=package("x = 1\n"))
    assert changed["CodeSha256"] != function["CodeSha256"]
    functions.get_waiter("function_updated").wait(FunctionName="rotate")
    stale = failed(
        functions.update_function_configuration,
        FunctionName="rotate",
        Timeout=9,
        RevisionId=function["RevisionId"],
    )
    assert stale["Error"]["Code"] == "PreconditionFailedException"
    functions.update_function_configuration(FunctionName="rotate", Timeout=9, RevisionId=changed["RevisionId"])
    assert functions.get_function_configuration(FunctionName=f"{ACCOUNT}:function:rotate")["Timeout"] == 9
    assert [each["FunctionName"] for each in functions.list_functions()["Functions"]] == ["rotate"]
    functions.delete_function(FunctionName="rotate")
    missing = failed(functions.get_function, FunctionName="rotate")
    assert missing["Error"] == {"Code": "ResourceNotFoundException", "Message": f"Function not found: {ARN}"}
    assert missing["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_versions_and_aliases(functions, function):
    version = functions.publish_version(FunctionName="rotate")
    assert (version["Version"], version["FunctionArn"]) == ("1", f"{ARN}:1")
    made = functions.create_alias(FunctionName="rotate", Name="live", FunctionVersion="1")
    assert made["AliasArn"] == f"{ARN}:live"
    assert functions.get_function(FunctionName="rotate", Qualifier="live")["Configuration"]["Version"] == "1"
    functions.update_alias(FunctionName="rotate", Name="live", FunctionVersion="$LATEST", Description="now")
    assert functions.get_alias(FunctionName="rotate", Name="live")["Description"] == "now"
    assert len(functions.list_aliases(FunctionName="rotate")["Aliases"]) == 1
    pages = functions.get_paginator("list_versions_by_function").paginate(
        FunctionName="rotate", PaginationConfig={"PageSize": 1}
    )
    assert [each["Version"] for page in pages for each in page["Versions"]] == ["$LATEST", "1"]
    functions.delete_alias(FunctionName="rotate", Name="live")
    functions.delete_function(FunctionName="rotate", Qualifier="1")
    assert failed(functions.get_function, FunctionName="rotate:1")["Error"]["Code"] == "ResourceNotFoundException"


def test_permissions(functions, function, server, stranger_credentials):
    added = functions.add_permission(
        FunctionName="rotate",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )
    statement = json.loads(added["Statement"])
    assert statement["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    found = functions.get_policy(FunctionName="rotate")
    assert json.loads(found["Policy"])["Statement"] == [statement]
    functions.add_permission(
        FunctionName=ARN, StatementId="other", Action="lambda:GetFunction", Principal=OTHER_ACCOUNT
    )
    other = client(server, service="lambda", credentials=stranger_credentials)
    shown = other.get_function(FunctionName=ARN)["Configuration"]
    assert shown["FunctionArn"] == ARN
    assert "Variables" not in shown["Environment"]
    assert failed(other.get_policy, FunctionName=ARN)["Error"]["Code"] == "AccessDeniedException"
    functions.remove_permission(FunctionName="rotate", StatementId="other")
    assert failed(other.get_function, FunctionName=ARN)["Error"]["Code"] == "AccessDeniedException"
    stale = failed(functions.remove_permission, FunctionName="rotate", StatementId="rotation", RevisionId="x")
    assert stale["Error"]["Code"] == "PreconditionFailedException"


def test_tags(functions, function):
    functions.tag_resource(Resource=ARN, Tags={"a b": "x/y", "c": "=+@"})
    assert functions.list_tags(Resource=ARN)["Tags"] == {"team": "a", "a b": "x/y", "c": "=+@"}
    functions.untag_resource(Resource=ARN, TagKeys=["a b", "c"])
    assert functions.list_tags(Resource=ARN)["Tags"] == {"team": "a"}


def test_a_package_may_be_larger_than_other_requests(functions, role):
    noise = b"".join(hashlib.sha256(str(each).encode()).digest() for each in range(160_000))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("noise", noise)
    made = functions.create_function(
        FunctionName="large",
        Runtime="python3.12",
        Handler="rotate.handler",
        Role=role,
        Code={"ZipFile": whole.getvalue()},
    )
    assert made["CodeSize"] == len(whole.getvalue()) > 5_000_000


def test_nobody_else_may_send_that_much(functions, server, role):
    parameters = {
        "FunctionName": "large",
        "Runtime": "python3.12",
        "Handler": "rotate.handler",
        "Role": role,
        "Code": {"ZipFile": bytes(2_000_000)},
    }
    unknown = client(server, service="lambda", credentials=Credentials("AKIAUNKNOWN000000000", "x" * 40))
    unknown.meta.events.unregister("before-parse", check_wire_form)
    assert failed(unknown.create_function, **parameters)["ResponseMetadata"]["HTTPStatusCode"] == 413
    wrong = client(server, service="lambda", credentials=Credentials(ROOT.access_key_id, "x" * 40))
    told = failed(wrong.create_function, **parameters)
    assert told["Error"]["Code"] == "InvalidSignatureException"
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 403
    functions.meta.events.unregister("before-parse", check_wire_form)
    variables = {"Environment": {"Variables": {"A": "x" * 2_000_000}}}
    told = failed(functions.update_function_configuration, FunctionName="large", **variables)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 413, "only code may be that large"


def test_the_aws_cli_makes_a_function(server, role, tmp_path):
    archive = tmp_path / "rotate.zip"
    archive.write_bytes(package())
    environment = clean_environment(
        AWS_ENDPOINT_URL=server.url,
        AWS_ACCESS_KEY_ID=ROOT.access_key_id,
        AWS_SECRET_ACCESS_KEY=ROOT.secret_access_key,
        AWS_DEFAULT_REGION=REGION,
    )

    def aws(*arguments: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "lambda", *arguments, "--output", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    made = aws(
        "create-function",
        "--function-name",
        "rotate",
        "--runtime",
        "python3.12",
        "--handler",
        "rotate.handler",
        "--role",
        role,
        "--zip-file",
        f"fileb://{archive}",
    )
    assert made["FunctionArn"] == ARN
    aws("wait", "function-active", "--function-name", "rotate")
    assert aws("list-functions")["Functions"][0]["FunctionName"] == "rotate"
    aws("delete-function", "--function-name", "rotate")


def logged(answer: dict) -> str:
    """The end of a function's log, as it was answered."""
    return base64.b64decode(answer["LogResult"]).decode()


def test_a_function_is_invoked(functions, role):
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    print('asked for', event['Step'])\n"
        "    if event['Step'] == 'fail':\n"
        "        raise ValueError('no')\n"
        "    return {'step': event['Step'], 'greeting': os.environ['GREETING']}\n"
    )
    functions.create_function(
        FunctionName="rotate",
        Runtime="python3.12",
        Handler="rotate.handler",
        Role=role,
        Code={"ZipFile": package(source)},
        Environment={"Variables": {"GREETING": "hello"}},
        Timeout=30,
        Publish=True,
    )
    payload = json.dumps({"Step": "createSecret"})
    answer = functions.invoke(FunctionName="rotate", Payload=payload, LogType="Tail")
    assert answer["StatusCode"] == 200, answer
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert json.loads(answer["Payload"].read()) == {"step": "createSecret", "greeting": "hello"}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "asked for createSecret" in logged(answer)
    functions.create_alias(FunctionName="rotate", Name="live", FunctionVersion="1")
    answer = functions.invoke(FunctionName=f"{ARN}:live", Payload=payload)
    assert answer["ExecutedVersion"] == "1"
    assert "LogResult" not in answer
    failed_in_it = functions.invoke(FunctionName="rotate", Qualifier="1", Payload=json.dumps({"Step": "fail"}))
    assert failed_in_it["StatusCode"] == 200
    assert failed_in_it["FunctionError"] == "Unhandled"
    assert json.loads(failed_in_it["Payload"].read())["errorType"] == "ValueError"
    assert functions.invoke(FunctionName="rotate", InvocationType="DryRun")["StatusCode"] == 204
    assert functions.invoke(FunctionName="rotate", InvocationType="Event", Payload=payload)["StatusCode"] == 202


def test_a_function_calls_back_as_its_role(functions, role, iam, sm):
    sm.create_secret(Name="readable", SecretString="value")
    allow = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="rotate", PolicyName="read", PolicyDocument=document)
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    secrets = boto3.client('secretsmanager')\n"
        "    who = boto3.client('sts').get_caller_identity()['Arn']\n"
        "    return [who, secrets.get_secret_value(SecretId='readable')['SecretString']]\n"
    )
    functions.create_function(
        FunctionName="reader",
        Runtime="python3.12",
        Handler="rotate.handler",
        Role=role,
        Code={"ZipFile": package(source)},
        Timeout=30,
    )
    answer = functions.invoke(FunctionName="reader", Payload="{}")
    whole = answer["Payload"].read()
    assert "FunctionError" not in answer, whole
    assert json.loads(whole) == [f"arn:aws:sts::{ACCOUNT}:assumed-role/rotate/reader", "value"]


def test_what_can_not_be_invoked_is_refused(functions, function, server, stranger_credentials, iam):
    malformed = failed(functions.invoke, FunctionName="rotate", Payload="{")
    assert malformed["Error"]["Code"] == "InvalidRequestContentException"
    missing = failed(functions.invoke, FunctionName="rotate", Qualifier="7", Payload="{}")
    assert missing["Error"]["Code"] == "ResourceNotFoundException"
    other = client(server, service="lambda", credentials=stranger_credentials)
    assert failed(other.invoke, FunctionName=ARN, Payload="{}")["Error"]["Code"] == "AccessDeniedException"
    iam.delete_role(RoleName="rotate")
    told = failed(functions.invoke, FunctionName="rotate", Payload="{}")
    assert told["Error"]["Code"] == "InvalidRuntimeException", told


ROTATING = Path(__file__).parents[1] / "functions" / "python" / "lambda_function.py"


def test_a_secret_is_rotated_by_a_function_that_is_kept_here(functions, role, iam, sm, server):
    allowed = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "GetRandomPassword"]
    allow = {"Effect": "Allow", "Action": [f"secretsmanager:{each}" for each in allowed], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName="rotate", PolicyName="rotate", PolicyDocument=document)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(ROTATING, ROTATING.name)
    functions.create_function(
        FunctionName="rotate",
        Runtime="python3.12",
        Handler="lambda_function.lambda_handler",
        Role=role,
        Code={"ZipFile": whole.getvalue()},
        Environment={"Variables": {"SECRETS_MANAGER_ENDPOINT": server.url}},
        Timeout=60,
    )
    sm.create_secret(Name="db", SecretString=json.dumps({"username": "app", "password": "first"}))
    rules = {"AutomaticallyAfterDays": 30}
    with pytest.raises(ClientError) as raised:
        sm.rotate_secret(SecretId="db", RotationLambdaARN=ARN, RotationRules=rules)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    functions.add_permission(
        FunctionName="rotate",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=ACCOUNT,
    )
    token = sm.rotate_secret(SecretId="db", RotationLambdaARN=ARN, RotationRules=rules)["VersionId"]
    deadline = time.monotonic() + 60
    while "AWSCURRENT" not in sm.describe_secret(SecretId="db")["VersionIdsToStages"].get(token, []):
        assert time.monotonic() < deadline, sm.describe_secret(SecretId="db")
        time.sleep(0.2)
    value = json.loads(sm.get_secret_value(SecretId="db")["SecretString"])
    assert value["username"] == "app"
    assert value["password"] != "first"
