"""The server of functions that other tests rotate with: boto3 can invoke at it, and only with a right signature."""

from __future__ import annotations

import base64
import json
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambda_server import FunctionProcess, LambdaServer, Result
from server import REGION, ROOT, Credentials

ARN = f"arn:aws:lambda:{REGION}:123456789012:function:f"


@pytest.fixture
def functions():
    """A server of functions, without any yet."""
    with LambdaServer() as server:
        yield server


def client(server: LambdaServer, credentials: Credentials = ROOT):
    """boto3 at a server of functions."""
    return boto3.client(
        "lambda",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("name", ["f", ARN, "123456789012:function:f"])
def test_a_function_answers(functions, name):
    functions.functions["f"] = lambda event: {"got": event}
    answer = client(functions).invoke(FunctionName=name, Payload=b'{"a": 1}')
    assert json.load(answer["Payload"]) == {"got": {"a": 1}}
    assert "FunctionError" not in answer
    assert functions.invocations[0].function == "f"


def test_a_qualifier_is_told_apart(functions):
    functions.functions["f"] = lambda _: None
    lambda_ = client(functions)
    assert lambda_.invoke(FunctionName=ARN + ":3")["ExecutedVersion"] == "3"
    assert lambda_.invoke(FunctionName="f", Qualifier="live")["ExecutedVersion"] == "$LATEST"
    assert [invocation.qualifier for invocation in functions.invocations] == ["3", "live"]


def test_a_file_runs_in_a_process_of_its_own(functions, tmp_path):
    file = tmp_path / "lambda_function.py"
    file.write_text(
        "import os\ncalls = 0\n"
        "def lambda_handler(event, context):\n"
        "    global calls\n    calls += 1\n    print('call', calls)\n"
        "    if event.get('fail'):\n        raise ValueError('as told')\n"
        "    return [calls, os.environ['MINE'], os.environ.get('AWS_PROFILE')]\n"
    )
    functions.functions["f"] = FunctionProcess(file, MINE="mine")
    lambda_ = client(functions)
    first = lambda_.invoke(FunctionName="f", Payload=b"{}", LogType="Tail")
    assert json.load(first["Payload"]) == [1, "mine", None]
    assert base64.b64decode(first["LogResult"]) == b"call 1\n"
    failed = lambda_.invoke(FunctionName="f", Payload=b'{"fail": true}')
    assert failed["FunctionError"] == "Unhandled"
    assert json.load(failed["Payload"])["errorMessage"] == "as told"
    assert json.load(lambda_.invoke(FunctionName="f", Payload=b"{}")["Payload"])[0] == 3


def test_an_answer_can_be_prepared(functions):
    functions.functions["f"] = lambda _: Result("{}", status=429, headers={"X-Amzn-ErrorType": "TooManyRequestsException"})
    with pytest.raises(ClientError) as refused:
        client(functions).invoke(FunctionName="f")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_what_isnt_there_is_not_found(functions):
    with pytest.raises(ClientError) as refused:
        client(functions).invoke(FunctionName="f")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_wrong_signature_is_refused(functions):
    functions.functions["f"] = lambda _: None
    wrong = Credentials(ROOT.access_key_id, ROOT.secret_access_key + "x")
    unknown = Credentials("AKIAUNKNOWN", ROOT.secret_access_key)
    for credentials in (wrong, unknown):
        with pytest.raises(ClientError) as refused:
            client(functions, credentials).invoke(FunctionName="f")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    unsigned = urllib.request.Request(functions.url + "/2015-03-31/functions/f/invocations", b"{}")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(unsigned)
    refused.value.close()
    assert refused.value.code == 403
    assert functions.invocations == []
