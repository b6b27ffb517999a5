"""Every operation of KMS by the AWS CLI, each as one command with all its options.

The CLI runs within this process: it takes the same way through its code and is twenty times as quick.
"""

from __future__ import annotations

import base64
import json
import re

import awscli.clidriver
import botocore.session
import pytest
from server import ACCOUNT, REGION, ROOT
from standing_keys import VALID, StandingKeys

# The CLI leaves its connections to the end of its process.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
MODEL = botocore.session.get_session().get_service_model("kms")


@pytest.fixture(scope="module")
def driver():
    """The CLI."""
    return awscli.clidriver.create_clidriver()


@pytest.fixture
def run(server, driver, monkeypatch, capsys):
    """Runs `aws kms …`: its status, what it prints, and what it says of errors."""
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
        "AWS_SECRET_ACCESS_KEY": ROOT.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)

    def made(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = driver.main(["kms", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return made


def options(operation: str, request: dict, folder) -> list[str]:
    """The options of a command that says what a request says."""
    shape = MODEL.operation_model(operation).input_shape
    made = []
    for member, value in request.items():
        option = "--" + kebab(member)
        match shape.members[member].type_name:
            case "blob":
                file = folder / member
                file.write_bytes(base64.b64decode(value))
                made += [option, f"fileb://{file}"]
            case "boolean":
                made.append(option if value else option.replace("--", "--no-", 1))
            case "string" | "integer":
                made += [option, str(value)]
            case _:
                made += [option, json.dumps(value)]
    return made


def kebab(name: str) -> str:
    """The CLI's spelling of a name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


@pytest.mark.parametrize("operation", VALID)
def test_a_command_does_what_the_operation_does(server, run, tmp_path, operation):
    keys = StandingKeys(server)
    keys.build()
    keys.wire.close()
    request = json.loads(keys.filled(VALID[operation]))
    status, printed, said = run(kebab(operation), *options(operation, request, tmp_path))
    assert (status, said) == (0, ""), said
    output = MODEL.operation_model(operation).output_shape
    if output is None or not output.members:
        assert not printed.strip()
        return
    answer = json.loads(printed)
    assert answer and set(answer) <= set(output.members)
    if operation == "Decrypt":
        assert base64.b64decode(answer["Plaintext"]) == base64.b64decode(VALID["Encrypt"]["Plaintext"])
    if operation in {"Verify", "VerifyMac"}:
        assert answer.get("SignatureValid", answer.get("MacValid")) is True


def test_a_refusal_is_told(server, run):
    status, printed, said = run("describe-key", "--key-id", "alias/nothing")
    assert status in (254, 255) and not printed
    assert "An error occurred (NotFoundException) when calling the DescribeKey operation" in said
    assert f": Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/nothing is not found." in said
