"""The protocol as it goes over the wire: targets, content types, signatures and headers."""

from __future__ import annotations

import datetime
import http.client
import json

import boto3
import pytest
from botocore.config import Config

from aws import refused
from server import REGION, ROOT, Credentials
from wire import JSON_TYPE, Signer, Wire, malformations

TARGET = {"X-Amz-Target": "secretsmanager.ListSecrets"}


def test_an_answer_has_the_services_headers(wire):
    answer = wire.call("ListSecrets")
    assert answer.status == 200
    assert malformations(answer) == []


def test_each_answer_has_an_id_of_its_own(wire):
    ids = {wire.call("ListSecrets").headers["x-amzn-requestid"] for _ in range(5)}
    assert len(ids) == 5


def test_an_error_of_the_service_has_its_text_as_Message(wire):
    body = wire.call("DescribeSecret", {"SecretId": "nothing"}).json
    assert body == {
        "__type": "ResourceNotFoundException",
        "Message": "Secrets Manager can't find the specified secret.",
    }


def test_an_error_of_the_model_has_its_text_as_message(wire):
    body = wire.call("DescribeSecret", {}).json
    assert body == {
        "__type": "ValidationException",
        "message": "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: "
        "Member must not be null",
    }


def test_all_violations_are_told_at_once(wire):
    answer = wire.call("UpdateSecretVersionStage", {"MoveToVersionId": "short"})
    assert answer.code == "ValidationException"
    text = answer.message
    assert text.startswith("3 validation errors detected: ")
    for part in (
        "Value null at 'secretId' failed to satisfy constraint: Member must not be null",
        "Value null at 'versionStage' failed to satisfy constraint: Member must not be null",
        "Value 'short' at 'moveToVersionId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 32",
    ):
        assert part in text
    assert text.count("; ") == 2


def test_a_null_member_is_an_absent_member(wire):
    answer = wire.call(
        "CreateSecret",
        {
            "Name": "s",
            "ClientRequestToken": "t" * 32,
            "SecretString": "v",
            "SecretBinary": None,
            "Description": None,
            "Tags": None,
            "AddReplicaRegions": None,
            "ForceOverwriteReplicaSecret": None,
        },
    )
    assert (answer.status, answer.json["VersionId"]) == (200, "t" * 32)


def test_a_list_of_nulls_is_an_empty_list(wire):
    wire.call("CreateSecret", {"Name": "s", "SecretString": "v", "ClientRequestToken": "a" * 32})
    put = {"SecretId": "s", "SecretString": "w", "ClientRequestToken": "b" * 32, "VersionStages": [None]}
    answer = wire.call("PutSecretValue", put)
    assert answer.code == "ValidationException", "a version without any label can't be asked for"
    assert " at 'versionStages' failed to satisfy constraint: " in answer.message
    assert wire.call("BatchGetSecretValue", {"SecretIdList": [None]}).code == "ValidationException"
    answer = wire.call("PutSecretValue", put | {"VersionStages": ["blue", None]})
    assert answer.json["VersionStages"] == ["blue"]


def test_an_unknown_member_is_ignored(wire):
    answer = wire.call("ListSecrets", {"Colour": "red", "Deep": {"er": [1, {"x": None}]}})
    assert answer.status == 200


@pytest.mark.parametrize(
    "content_type", [JSON_TYPE, JSON_TYPE + "; charset=utf-8", JSON_TYPE + ";charset=UTF-8"]
)
def test_a_charset_is_accepted(wire, content_type):
    answer = wire.send("POST", "/", {"Content-Type": content_type} | TARGET, b"{}")
    assert answer.status == 200


def test_an_sdks_own_headers_are_ignored(wire):
    headers = {
        "Content-Type": JSON_TYPE,
        "User-Agent": "aws-cli/2.0",
        "X-Amz-User-Agent": "aws-sdk-js/3",
        "amz-sdk-invocation-id": "2b1f3f5c-0f0e-4b6e-9a58-0c9a3b4d6d4b",
        "amz-sdk-request": "attempt=1; max=3",
    }
    assert wire.send("POST", "/", headers | TARGET, b"{}").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "secretsmanager.Nothing",
        "secretsmanager.",
        "secretsmanager",
        "SecretsManager.ListSecrets",
        "secretsmanager.listSecrets",
        "ListSecrets",
        "secretsmanager.ListSecrets.x",
        "",
    ],
)
def test_an_unknown_target_is_an_unknown_operation(wire, target):
    answer = wire.send("POST", "/", {"Content-Type": JSON_TYPE, "X-Amz-Target": target}, b"{}")
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_a_missing_target_is_an_unknown_operation(wire):
    answer = wire.send("POST", "/", {"Content-Type": JSON_TYPE}, b"{}")
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("PUT", "/"), ("DELETE", "/"), ("POST", "/x"), ("POST", "//x/../y")]
)
def test_another_method_or_path_is_not_there(wire, method, path):
    answer = wire.send(method, path, {"Content-Type": JSON_TYPE} | TARGET, b"{}")
    assert answer.status == 404
    assert b"UnknownOperationException" in answer.body


# Signatures.

UNSIGNED = {
    "nothing": ({}, "MissingAuthenticationTokenException"),
    "a token of another scheme": ({"Authorization": "Bearer abc"}, None),
    "an empty Authorization": ({"Authorization": ""}, None),
    "no parts": ({"Authorization": "AWS4-HMAC-SHA256"}, "IncompleteSignatureException"),
    "no signature": (
        {"Authorization": f"AWS4-HMAC-SHA256 Credential=A/20260101/{REGION}/secretsmanager/aws4_request, SignedHeaders=host"},
        "IncompleteSignatureException",
    ),
    "no credential": (
        {"Authorization": "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" + "0" * 64},
        "IncompleteSignatureException",
    ),
}
AUTHENTICATION_ERRORS = {
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}


@pytest.mark.parametrize("case", UNSIGNED)
def test_a_request_without_a_whole_signature_is_refused(wire, case):
    headers, code = UNSIGNED[case]
    answer = wire.send("POST", "/", {"Content-Type": JSON_TYPE} | TARGET | headers, b"{}", sign="none")
    assert answer.status == 400
    assert answer.code == code if code else answer.code in AUTHENTICATION_ERRORS
    assert malformations(answer) == []


def test_no_signature_has_aws_words(wire):
    answer = wire.call("ListSecrets", sign="none")
    assert answer.json == {
        "__type": "MissingAuthenticationTokenException",
        "message": "Missing Authentication Token",
    }


def test_a_wrong_signature_has_aws_words(wire):
    answer = wire.call("ListSecrets", sign="wrong")
    assert answer.json == {
        "__type": "InvalidSignatureException",
        "message": "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.",
    }


def test_an_unknown_key_has_aws_words(wire):
    answer = wire.call("ListSecrets", sign="stranger")
    assert answer.json == {
        "__type": "UnrecognizedClientException",
        "message": "The security token included in the request is invalid.",
    }


def test_an_sdk_with_a_wrong_secret_is_refused(server):
    from aws import client

    wrong = client(server, credentials=Credentials(ROOT.access_key_id, "not the right secret access key"))
    with refused("InvalidSignatureException"):
        wrong.list_secrets()


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_may_be_off_by_less_than_five_minutes(wire, minutes):
    assert signed_at(wire, minutes).status == 200


@pytest.mark.parametrize(
    ("minutes", "words"), [(-6, "Signature expired: "), (6, "Signature not yet current: "), (-1440, None)]
)
def test_a_clock_off_by_more_is_refused(wire, minutes, words):
    answer = signed_at(wire, minutes)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert words is None or answer.message.startswith(words)


def signed_at(wire: Wire, minutes: int):
    """A request signed that many minutes from now."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    headers = {"Host": wire.host, "Content-Type": JSON_TYPE} | TARGET
    return wire.send("POST", "/", wire.signer.headers("POST", "/", headers, b"{}", moment), b"{}", sign="none")


def test_signatures_hold_against_real_time_when_the_virtual_clock_has_moved(server, wire):
    server.advance(days=400)
    assert wire.call("ListSecrets").status == 200


def test_the_scope_of_another_service_does_not_open_this_one(server):
    crossed = Wire(server, Signer(service="kms"))
    answer = crossed.call("ListSecrets")
    crossed.close()
    assert answer.status == 400
    assert answer.code in {"InvalidSignatureException", "UnknownOperationException"}


@pytest.mark.parametrize("change", ["body", "target", "host", "path", "date"])
def test_a_request_changed_after_signing_is_refused(wire, change):
    headers = {"Host": wire.host, "Content-Type": JSON_TYPE} | TARGET
    signed = wire.signer.headers("POST", "/", headers, b"{}")
    body, path = b"{}", "/"
    match change:
        case "body":
            body = b'{"MaxResults":1}'
        case "target":
            signed["X-Amz-Target"] = "secretsmanager.GetRandomPassword"
        case "host":
            signed["Host"] = "secretsmanager.us-east-1.amazonaws.com"
        case "path":
            path = "/?a=b"
        case "date":
            moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=60)
            signed["X-Amz-Date"] = moment.strftime("%Y%m%dT%H%M%SZ")
    answer = wire.send("POST", path, signed, body, sign="none")
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")


def test_headers_of_amazon_must_be_signed(wire):
    headers = {"Host": wire.host, "Content-Type": JSON_TYPE}
    signed = wire.signer.headers("POST", "/", headers, b"{}")
    answer = wire.send("POST", "/", signed | TARGET, b"{}", sign="none")
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")


def test_a_presigned_request_is_accepted(server):
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    credentials = boto3.session.Session(ROOT.access_key_id, ROOT.secret_access_key).get_credentials()
    # botocore signs a presigned request as one without a body.
    request = AWSRequest("POST", server.url + "/", headers={"Content-Type": JSON_TYPE} | TARGET)
    SigV4QueryAuth(credentials, "secretsmanager", REGION, expires=60).add_auth(request)
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("POST", request.url[len(server.url) :], b"", dict(request.headers))
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    assert (response.status, body) == (200, {"SecretList": []})


def test_a_retrying_client_sees_each_refusal_once(server):
    """Standard retry mode must not take a refusal for a throttle or a fault."""
    client = boto3.client(
        "secretsmanager",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=ROOT.access_key_id,
        aws_secret_access_key=ROOT.secret_access_key,
        config=Config(retries={"mode": "standard", "max_attempts": 3}),
    )
    with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
        client.get_secret_value(SecretId="nothing")
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"SecretId": 1}, "SerializationException"),
        ({"SecretId": ["s"]}, "SerializationException"),
        ({"SecretId": "s", "VersionId": True}, "SerializationException"),
    ],
)
def test_a_wrong_type_is_a_serialization_error(wire, members, code):
    answer = wire.call("GetSecretValue", members)
    assert (answer.status, answer.code) == (400, code)
