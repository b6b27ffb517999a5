"""boto3 clients for the tests, unmodified but for a listener that checks each answer's wire form."""

from __future__ import annotations

import contextlib
import re
import uuid

import boto3
import botocore.model
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import query_protocol
from server import REGION, ROOT, Credentials, Server
from wire import Answer, malformations

SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def client(
    server: Server,
    *,
    credentials: Credentials = ROOT,
    region: str = REGION,
    validate: bool = True,
    service: str = "secretsmanager",
    **config,
):
    """A client of Secrets Manager, or of another service, as any program makes it.

    `validate=False` turns off boto3's own look at the parameters, so that the server sees them.
    Retries are off: a fault must be seen, not repeated until it goes away.
    """
    made = boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=Config(
            parameter_validation=validate,
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
            **config,
        ),
    )
    made.meta.events.register("before-parse", check_wire_form)
    return made


def check_wire_form(operation_model, response_dict, **_) -> None:
    """Fails the test where an answer's members, types or headers aren't as the model says."""
    if operation_model.has_streaming_output and response_dict["status_code"] < 300:
        return
    answer = Answer(
        response_dict["status_code"],
        {name.lower(): value for name, value in response_dict["headers"].items()},
        response_dict["body"],
    )
    where = f"{operation_model.name}: {answer.status} {answer.body[:500]!r}"
    if operation_model.service_model.protocol == "query":
        wrong = query_protocol.complaints(operation_model, answer.status, answer.headers, answer.body)
        assert not wrong, f"{wrong} in {where}"
        return
    if operation_model.service_model.protocol == "rest-json":
        wrong = list(rest_complaints(operation_model, answer))
        assert not wrong, f"{wrong} in {where}"
        return
    malformed = malformations(answer, operation_model.service_model.service_name)
    assert not malformed, f"{malformed} in {where}"
    if answer.status != 200:
        assert answer.status == 400, f"status of {where}"
        return
    if operation_model.output_shape is None:
        assert answer.body in (b"", b"{}"), where
        return
    wrong = list(mismatches(operation_model.output_shape, answer.json, ""))
    if operation_model.name == "GetTrailStatus":
        # AWS gives an empty text for what has not happened yet.
        wrong = [each for each in wrong if "is '', not a filled string" not in each]
    assert not wrong, f"{wrong} in {where}"


def rest_complaints(operation_model, answer: Answer):
    """Yields what isn't as a model with paths says: status, headers, and members of the body."""
    expected = operation_model.http.get("responseCode", 200)
    if answer.status < 300:
        shape = operation_model.output_shape
        in_body = {} if shape is None else {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        # What deletes answers nothing, whatever a newer model allows.
        if not in_body or not answer.body:
            if answer.body or answer.status not in (expected, 204):
                yield f"{answer.status} with {answer.body!r} in place of {expected} with nothing"
        elif "payload" not in shape.serialization:
            if answer.status != expected:
                yield f"{answer.status} in place of {expected}"
            if answer.headers.get("content-type") != "application/json":
                yield f"content type {answer.headers.get('content-type')}"
            yield from mismatches(shape, answer.json, "")
        return
    code = answer.headers.get("x-amzn-errortype")
    shapes = {shape.name: shape for shape in operation_model.error_shapes}
    if code in shapes and shapes[code].metadata["error"]["httpStatusCode"] != answer.status:
        yield f"{code} with status {answer.status}"
    if code in shapes and set(answer.json) - set(shapes[code].members):
        yield f"{code} with {answer.json}"
    if not code or answer.json.get("Type") not in ("User", "Service"):
        yield "an error without a type"


def mismatches(shape: botocore.model.Shape, value: object, path: str):
    """Yields what in `value` isn't as `shape` says: no null, nothing empty, no stranger."""
    here = path or "the answer"
    match shape.type_name:
        case "structure":
            if not isinstance(value, dict):
                yield f"{here} is no object"
                return
            for name, member in value.items():
                if name not in shape.members:
                    yield f"{here} has the unknown member {name}"
                else:
                    yield from mismatches(shape.members[name], member, f"{path}.{name}")
        case "list":
            # Some lists are there even where they are empty: they are what the call is about.
            may_be_empty = path in {
                ".SecretList", ".Versions", ".SecretValues", ".Errors", ".ValidationErrors",
                ".Functions", ".Keys", ".Aliases", ".Tags", ".Grants", ".Rotations",
                ".Events", ".Trails", ".trailList", ".PublicKeyList",
            } or path.endswith((".Resources", ".DataResources", ".ExcludeManagementEventSources"))
            if not isinstance(value, list) or (not value and not may_be_empty):
                yield f"{here} is {value!r}, not a filled list"
                return
            for index, member in enumerate(value):
                yield from mismatches(shape.member, member, f"{path}[{index}]")
        case "map":
            if not isinstance(value, dict) or not value:
                yield f"{here} is {value!r}, not a filled map"
                return
            for name, member in value.items():
                yield from mismatches(shape.value, member, f"{path}.{name}")
        case "timestamp":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                yield f"{here} is {value!r}, no number"
            elif round(value * 1000) / 1000 != value:
                yield f"{here} is {value!r}, finer than a millisecond"
        case "boolean":
            if not isinstance(value, bool):
                yield f"{here} is {value!r}, no boolean"
        case "integer" | "long":
            if isinstance(value, bool) or not isinstance(value, int):
                yield f"{here} is {value!r}, no whole number"
        case "string" | "blob":
            # What is empty is left out, but for a tag's value, and the description of a KMS key or a function.
            may_be_empty = path.endswith((".Value", ".TagValue", ".KeyMetadata.Description"))
            may_be_empty |= path == ".Description" or path.endswith(("Configuration.Description", "].Description"))
            if not isinstance(value, str) or (not value and not may_be_empty):
                yield f"{here} is {value!r}, not a filled string"
        case other:
            yield f"{here} has the unexpected type {other}"


@contextlib.contextmanager
def refused(code: str | set[str], text: str | re.Pattern | None = None, status: int = 400):
    """The calls inside must be refused with this code and exactly this text (or a match of it)."""
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    codes = {code} if isinstance(code, str) else code
    assert error["Code"] in codes, f"{error['Code']} ({error['Message']}) instead of {code}"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    if isinstance(text, re.Pattern):
        assert text.search(error["Message"]), error["Message"]
    elif text is not None:
        assert error["Message"] == text


def token() -> str:
    """A fresh ClientRequestToken."""
    return str(uuid.uuid4())


def members(response: dict) -> set[str]:
    """The members of a response that came over the wire."""
    return set(response) - {"ResponseMetadata"}


def stages(sm, secret_id: str) -> dict[str, set[str]]:
    """Version id to staging labels, of all labelled versions."""
    found = sm.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {})
    return {version: set(labels) for version, labels in found.items()}


def all_pages(operation, **request):
    """Each page of a listing, by its tokens; botocore has paginators for some of the listings only."""
    page = operation(**request)
    yield page
    while "NextToken" in page:
        page = operation(**request, NextToken=page["NextToken"])
        yield page


def partial_arn(arn: str) -> str:
    """The ARN without its random suffix."""
    assert SUFFIX.search(arn), arn
    return arn[:-7]
