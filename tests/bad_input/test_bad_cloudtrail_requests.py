"""CloudTrail: look-ups and trails with what is wrong in them get AWS's errors; what isn't here is refused by name."""

from __future__ import annotations

import botocore.session
import pytest
from bad_requests import BROKEN_BODIES, SERIALIZATION
from test_bad_requests import SIGNATURES, faults

from wire import Signer, Wire

OPERATIONS = sorted(botocore.session.get_session().get_service_model("cloudtrail").operation_names)
ATTRIBUTES = "InvalidLookupAttributesException"
PAGE = "InvalidMaxResultsException"


def by(key, value) -> dict:
    """A look-up by one attribute."""
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


BAD = {
    "an unknown attribute": ("LookupEvents", by("Colour", "red"), {ATTRIBUTES, "ValidationException"}),
    "an attribute without a value": ("LookupEvents", {"LookupAttributes": [{"AttributeKey": "EventName"}]}, {ATTRIBUTES, "ValidationException"}),
    "two attributes": ("LookupEvents", {"LookupAttributes": 2 * by("EventName", "x")["LookupAttributes"]}, {ATTRIBUTES}),
    "an empty value": ("LookupEvents", by("EventName", ""), {ATTRIBUTES, "ValidationException"}),
    "a value too long": ("LookupEvents", by("EventName", "x" * 2001), {ATTRIBUTES, "ValidationException"}),
    "an end before its start": ("LookupEvents", {"StartTime": 1700000000, "EndTime": 1600000000}, {"InvalidTimeRangeException"}),
    "a time that is a text": ("LookupEvents", {"StartTime": "yesterday"}, {SERIALIZATION}),
    "no results": ("LookupEvents", {"MaxResults": 0}, {PAGE, "ValidationException"}),
    "too many results": ("LookupEvents", {"MaxResults": 51}, {PAGE, "ValidationException"}),
    "a token that is none": ("LookupEvents", {"NextToken": "nonsense"}, {"InvalidNextTokenException"}),
    "another category": ("LookupEvents", {"EventCategory": "data"}, {"InvalidEventCategoryException", "ValidationException"}),
    "a trail without a bucket": ("CreateTrail", {"Name": "trail"}, {"ValidationException"}),
    "a short name": ("CreateTrail", {"Name": "ab", "S3BucketName": "bucket"}, {"InvalidTrailNameException"}),
    "a name like an address": ("CreateTrail", {"Name": "192.168.5.4", "S3BucketName": "bucket"}, {"InvalidTrailNameException"}),
    "a bucket's wrong name": ("CreateTrail", {"Name": "trail", "S3BucketName": "Bucket_"}, {"InvalidS3BucketNameException"}),
    "no such trail": ("GetTrailStatus", {"Name": "none-of-this-name"}, {"TrailNotFoundException"}),
    "no such trail to start": ("StartLogging", {"Name": "none-of-this-name"}, {"TrailNotFoundException"}),
    "no such trail to remove": ("DeleteTrail", {"Name": "none-of-this-name"}, {"TrailNotFoundException"}),
    "keys of a time that ends before it starts": ("ListPublicKeys", {"StartTime": 1700000000, "EndTime": 1600000000}, {"InvalidTimeRangeException"}),
    "keys of a time that isn't yet": ("ListPublicKeys", {"StartTime": 250000000000}, {"InvalidTimeRangeException"}),
    "keys of a time before all times": ("ListPublicKeys", {"EndTime": -1}, {"InvalidTimeRangeException"}),
    "keys of a time that is a text": ("ListPublicKeys", {"EndTime": "today"}, {SERIALIZATION}),
    "a token of keys": ("ListPublicKeys", {"NextToken": "nonsense"}, {"InvalidTokenException"}),
    "an ARN of another service": ("GetTrail", {"Name": "arn:aws:s3:::bucket"}, {"CloudTrailARNInvalidException", "InvalidTrailNameException", "TrailNotFoundException"}),
}


@pytest.fixture(scope="module")
def cloudtrail(shared_server):
    """A connection that signs for CloudTrail."""
    wire = Wire(shared_server, Signer(service="cloudtrail"))
    yield wire
    wire.close()


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused_as_aws_refuses_it(cloudtrail, name):
    operation, request, codes = BAD[name]
    answer = cloudtrail.call(operation, request)
    assert not faults(answer, name, "cloudtrail")
    assert answer.status == 400 and answer.code in codes, answer.body


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_fails_by_the_servers_fault_whatever_is_asked(cloudtrail, operation):
    wrong = []
    for request in ({"Name": 7}, {"LookupAttributes": "x"}, {"TagsList": 5}, {"StartTime": [], "NextToken": {}}, b"nonsense", *BROKEN_BODIES.values()):
        answer = cloudtrail.call(operation, request)
        wrong += faults(answer, repr(request)[:100], "cloudtrail")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_signature_is_checked_before_anything_else(cloudtrail, operation):
    wrong = []
    for sign, code in SIGNATURES.items():
        for request in ({}, {"Name": 7}, b"nonsense", b""):
            answer = cloudtrail.call(operation, request, sign=sign)
            wrong += faults(answer, repr(request)[:100], "cloudtrail")
            if (answer.status, answer.code) != (400, code):
                wrong.append(f"{sign}, {request!r}: {answer.status} {answer.body[:200]!r}")
    assert not wrong, "\n".join(wrong)
