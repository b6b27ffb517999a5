"""Lambda: every operation with every member broken, and archives that are none: an error of AWS's, and nothing changes."""

from __future__ import annotations

import base64
import http.client
import io
import json
import stat
import urllib.parse
import zipfile

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from server import ACCOUNT, REGION, ROOT

FUNCTIONS = "/2015-03-31/functions"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:standing"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/standing"
TAGS = "/2017-03-31/tags/" + urllib.parse.quote(ARN, safe="")


def archive(name: str = "rotate.py", content: bytes = b"x = 1\n", mode: int = 0) -> bytes:
    """An archive with one file."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as writer:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        writer.writestr(entry, content)
    return whole.getvalue()


def text(zipped: bytes) -> str:
    return base64.b64encode(zipped).decode()


CREATE = {
    "FunctionName": "new",
    "Runtime": "python3.12",
    "Handler": "rotate.handler",
    "Role": ROLE,
    "Code": {"ZipFile": text(archive())},
    "Timeout": 3,
    "MemorySize": 128,
    "Description": "d",
    "Environment": {"Variables": {"AB": "c"}},
    "Tags": {"k": "v"},
    "Publish": False,
    "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512},
}
STANDING = f"{FUNCTIONS}/standing"
REQUESTS = {
    "CreateFunction": ("POST", FUNCTIONS, CREATE),
    "UpdateFunctionCode": ("PUT", f"{STANDING}/code", {"ZipFile": text(archive()), "Publish": True, "DryRun": False}),
    "UpdateFunctionConfiguration": (
        "PUT",
        f"{STANDING}/configuration",
        {each: CREATE[each] for each in ("Runtime", "Handler", "Role", "Timeout", "MemorySize", "Description", "Environment")},
    ),
    "PublishVersion": ("POST", f"{STANDING}/versions", {"Description": "d", "CodeSha256": "x", "RevisionId": "x"}),
    "CreateAlias": ("POST", f"{STANDING}/aliases", {"Name": "a", "FunctionVersion": "$LATEST", "Description": "d"}),
    "UpdateAlias": ("PUT", f"{STANDING}/aliases/live", {"FunctionVersion": "$LATEST", "Description": "d"}),
    "AddPermission": (
        "POST",
        f"{STANDING}/policy",
        {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": ACCOUNT, "SourceAccount": ACCOUNT},
    ),
    "TagResource": ("POST", TAGS, {"Tags": {"k": "v"}}),
}
BROKEN = [
    0, -1, 1.5, 10**30, True, "", " ", "\x00", "x" * 300, "é🔑", [], [[]], [None, 1], {}, {"a": {"b": []}}, {"Variables": 1},
]  # fmt: skip
PATHS = [
    f"{FUNCTIONS}/%00", f"{FUNCTIONS}/%ff", f"{FUNCTIONS}/%2e%2e", f"{FUNCTIONS}/a%2Fb", f"{FUNCTIONS}/a%20b",
    f"{FUNCTIONS}/{'x' * 300}", f"{FUNCTIONS}/standing:", f"{FUNCTIONS}/standing:a:b", f"{FUNCTIONS}/arn%3Aaws%3As3%3A%3A%3Ax",
    f"{FUNCTIONS}/standing?Qualifier=1&Qualifier=2", f"{FUNCTIONS}/standing?Qualifier=%00", f"{FUNCTIONS}/standing?Qualifier=",
    f"{FUNCTIONS}?MaxItems=0", f"{FUNCTIONS}?MaxItems=x", f"{FUNCTIONS}?MaxItems=10001", f"{FUNCTIONS}?Marker=x",
    f"{FUNCTIONS}?FunctionVersion=x", "/2017-03-31/tags/x", "/2015-03-31/layers", f"{FUNCTIONS}/standing/nothing",
]  # fmt: skip
ARCHIVES = {
    "empty": b"",
    "no archive": b"not an archive, but as long as one would have to be",
    "truncated": archive()[:-5],
    "a path upwards": archive("../rotate.py"),
    "a path upwards within": archive("a/../../rotate.py"),
    "an absolute path": archive("/etc/rotate.py"),
    "a drive": archive("C:/rotate.py"),
    "a backslash": archive("..\\rotate.py"),
    "a link upwards": archive("link", b"../../etc/passwd", stat.S_IFLNK | 0o777),
    "a link to the root": archive("link", b"/etc/passwd", stat.S_IFLNK | 0o777),
    "a bomb": archive("bomb", bytes(270_000_000)),
}


@pytest.fixture(scope="module")
def ask(shared_server):
    """Asks the server for something of Lambda, signed, with whatever body; a function, a role and an alias stand there."""
    shared_server.reset()
    made = {"region_name": REGION, "endpoint_url": shared_server.url}
    made |= {"aws_access_key_id": ROOT.access_key_id, "aws_secret_access_key": ROOT.secret_access_key}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    boto3.client("iam", **made).create_role(RoleName="standing", AssumeRolePolicyDocument=document)
    functions = boto3.client("lambda", **made)
    functions.create_function(
        FunctionName="standing", Runtime="python3.12", Handler="a.b", Role=ROLE, Code={"ZipFile": archive()}
    )
    functions.create_alias(FunctionName="standing", Name="live", FunctionVersion="$LATEST")
    signer = SigV4Auth(Credentials(ROOT.access_key_id, ROOT.secret_access_key), "lambda", REGION)

    def ask(method: str, path: str, body: bytes = b"", **headers: str):
        request = AWSRequest(method, shared_server.url + path, headers=headers, data=body)
        signer.add_auth(request)
        connection = http.client.HTTPConnection(*shared_server.address, timeout=60)
        connection.request(method, path, body, dict(request.headers))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, response.headers.get("x-amzn-errortype"), answer

    def state():
        standing = functions.get_function(FunctionName="standing")["Configuration"]
        return standing, [each["FunctionName"] for each in functions.list_functions()["Functions"]]

    ask.state = state
    return ask


def expect_refusal(told, what: str) -> None:
    """An error of AWS's, in its form."""
    status, code, body = told
    assert 400 <= status < 500, f"{what}: {told}"
    assert code, f"{what}: {told}"
    answer = json.loads(body)
    assert answer["Type"] == "User", f"{what}: {told}"
    assert answer.get("Message") or answer.get("message"), f"{what}: {told}"


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_broken_member_is_refused_or_taken_for_what_it_is(ask, operation):
    method, path, members = REQUESTS[operation]
    before = ask.state()
    for name in members:
        for broken in BROKEN:
            told = ask(method, path, json.dumps(members | {name: broken}).encode())
            assert told[0] < 500, f"{name}={broken!r}: {told}"
            if told[0] >= 300:
                expect_refusal(told, f"{name}={broken!r}")
    if operation in ("CreateFunction",):
        ask("DELETE", f"{FUNCTIONS}/new")
    elif operation in ("UpdateFunctionCode", "PublishVersion", "UpdateFunctionConfiguration"):
        return
    assert ask.state() == before


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_body_that_is_no_document_is_refused(ask, operation):
    method, path, _ = REQUESTS[operation]
    before = ask.state()
    for body in (b"{", b"}", b"[]", b"null", b'"x"', b"\xff{}", b'{"a":"}', b"{}{}", b'{"a":1}, "b": {}', b"[" * 100_000):
        expect_refusal(ask(method, path, body), repr(body[:20]))
    assert ask.state() == before


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_names_nothing_is_refused(ask, path):
    expect_refusal(ask("GET", path), path)


@pytest.mark.parametrize("what", ARCHIVES)
def test_what_is_no_archive_of_a_function_is_refused(ask, what):
    before = ask.state()
    members = CREATE | {"Code": {"ZipFile": text(ARCHIVES[what])}}
    told = ask("POST", FUNCTIONS, json.dumps(members).encode())
    expect_refusal(told, what)
    assert told[1] == "InvalidParameterValueException"
    expect_refusal(ask("PUT", f"{STANDING}/code", json.dumps({"ZipFile": text(ARCHIVES[what])}).encode()), what)
    assert ask.state() == before


@pytest.mark.parametrize(
    "header", [{"X-Amz-Invocation-Type": "x"}, {"X-Amz-Log-Type": "x"}, {"X-Amz-Client-Context": "e30="}]
)
def test_a_header_that_means_nothing_is_refused(ask, header):
    expect_refusal(ask("POST", f"{STANDING}/invocations", b"{}", **header), str(header))
