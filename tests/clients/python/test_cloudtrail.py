"""CloudTrail's LookupEvents by boto3, and by the AWS CLI: by each attribute, in pages, within times, of whom it may tell."""

from __future__ import annotations

import datetime
import gzip
import json
import re
import socket
import ssl
import subprocess
import sys
import time

import http2
import pytest
import rsa
from aws import client
from botocore.exceptions import ClientError
from server import ACCOUNT, OTHER_ACCOUNT, REGION, ROOT, Credentials, Server, clean_environment

from wire import JSON_TYPE, Signer

SECRET = "AWS::SecretsManager::Secret"


@pytest.fixture
def trail(server):
    """A client of CloudTrail."""
    return client(server, service="cloudtrail")


@pytest.fixture
def sm(server):
    """A client of Secrets Manager."""
    return client(server)


def lookup(trail, key: str | None = None, value: str | None = None, **more) -> list[dict]:
    """The events of all pages."""
    if key:
        more["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    pages = trail.get_paginator("lookup_events").paginate(**more)
    return [event for page in pages for event in page["Events"]]


def refused(call, **parameters) -> str:
    """The code of the refusal of a call."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return raised.value.response["Error"]["Code"]


def test_a_client_finds_its_own_call_at_once_by_every_attribute(trail, sm):
    arn = sm.create_secret(Name="prod/db", SecretString="v")["ARN"]
    answer = sm.get_secret_value(SecretId="prod/db")
    [event] = lookup(trail, "EventName", "GetSecretValue")
    said = json.loads(event["CloudTrailEvent"])
    assert said["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert said["requestParameters"] == {"secretId": "prod/db"}
    assert event["Username"] == "root"
    assert event["ReadOnly"] == "true"
    assert event["EventSource"] == "secretsmanager.amazonaws.com"
    assert {"ResourceType": SECRET, "ResourceName": arn} in event["Resources"]
    assert {"ResourceType": SECRET, "ResourceName": "prod/db"} in event["Resources"]
    age = datetime.datetime.now(datetime.timezone.utc) - event["EventTime"]
    assert age < datetime.timedelta(minutes=1)
    for key, value in (
        ("EventId", event["EventId"]),
        ("EventName", "GetSecretValue"),
        ("ReadOnly", "true"),
        ("Username", "root"),
        ("ResourceType", SECRET),
        ("ResourceName", arn),
        ("ResourceName", "prod/db"),
        ("EventSource", "secretsmanager.amazonaws.com"),
        ("AccessKeyId", ROOT.access_key_id),
    ):
        assert event in lookup(trail, key, value), key
        other = "false" if key == "ReadOnly" else "nothing"
        assert event not in lookup(trail, key, other), key


def test_what_changes_something_is_found_at_once(trail, sm):
    for number in range(20):
        sm.create_secret(Name=f"s-{number}", SecretString="v")
        events = lookup(trail, "EventName", "CreateSecret")
        names = [event["Resources"][-1]["ResourceName"] for event in events]
        assert names == [f"s-{made}" for made in range(number, -1, -1)]


def test_pages_have_each_event_once_and_the_newest_first(trail, sm):
    for _ in range(120):
        sm.list_secrets(MaxResults=1)
    for size in (7, 50):
        pages = trail.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListSecrets"}],
            PaginationConfig={"PageSize": size},
        )
        events = [event for page in pages for event in page["Events"]]
        assert len({event["EventId"] for event in events}) == len(events) == 120
        times = [event["EventTime"] for event in events]
        assert times == sorted(times, reverse=True)


def test_only_events_between_the_times_are_found(trail, sm):
    sm.list_secrets()
    time.sleep(2.1)
    middle = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(1.1)
    sm.list_secrets()
    assert len(lookup(trail, "EventName", "ListSecrets")) == 2
    [later] = lookup(trail, "EventName", "ListSecrets", StartTime=middle)
    [earlier] = lookup(trail, "EventName", "ListSecrets", EndTime=middle)
    assert earlier["EventTime"] < middle < later["EventTime"]


def test_a_refused_call_is_found_with_its_error(trail, sm):
    assert refused(sm.get_secret_value, SecretId="absent") == "ResourceNotFoundException"
    [event] = lookup(trail, "EventName", "GetSecretValue")
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "ResourceNotFoundException"


def test_looking_up_leaves_an_event_itself(trail):
    lookup(trail)
    [event] = lookup(trail, "EventName", "LookupEvents", MaxResults=1)[:1]
    assert event["EventSource"] == "cloudtrail.amazonaws.com"


def test_each_region_has_its_own_events(server, trail, sm):
    sm.list_secrets()
    elsewhere = client(server, service="cloudtrail", region="eu-west-1")
    assert lookup(elsewhere, "EventName", "ListSecrets") == []
    assert len(lookup(trail, "EventName", "ListSecrets")) == 1


def test_who_may_not_look_up_is_refused(server, trail):
    iam = client(server, service="iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    reader = client(server, service="cloudtrail", credentials=credentials)
    assert refused(reader.lookup_events) == "AccessDeniedException"
    policy = {"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}}
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps(policy))
    reader.lookup_events()
    [allowed, denied] = lookup(trail, "Username", "reader")
    assert json.loads(denied["CloudTrailEvent"])["errorCode"] == "AccessDenied"
    assert "errorCode" not in json.loads(allowed["CloudTrailEvent"])


def test_a_reset_hides_what_was_before(server, trail, sm):
    sm.list_secrets()
    assert len(lookup(trail, "EventName", "ListSecrets")) == 1
    server.reset()
    assert lookup(trail, "EventName", "ListSecrets") == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"LookupAttributes": [{"AttributeKey": "Name", "AttributeValue": "x"}]}, "InvalidLookupAttributesException"),
        ({"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "x"}]}, "InvalidLookupAttributesException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "x"}] * 2},
            "InvalidLookupAttributesException",
        ),
        ({"StartTime": 200, "EndTime": 100}, "InvalidTimeRangeException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"MaxResults": 0}, "InvalidMaxResultsException"),
        ({"EventCategory": "data"}, "InvalidEventCategoryException"),
        ({"NextToken": "x"}, "InvalidNextTokenException"),
    ],
)
def test_what_makes_no_sense_is_refused(server, parameters, code):
    trail = client(server, service="cloudtrail", validate=False)
    assert refused(trail.lookup_events, **parameters) == code


def test_the_aws_cli_looks_up(server, sm):
    sm.create_secret(Name="s", SecretString="v")
    environment = clean_environment(
        AWS_ENDPOINT_URL=server.url,
        AWS_ACCESS_KEY_ID=ROOT.access_key_id,
        AWS_SECRET_ACCESS_KEY=ROOT.secret_access_key,
        AWS_DEFAULT_REGION=REGION,
    )
    command = [sys.executable, "-m", "awscli", "cloudtrail", "lookup-events", "--output", "json"]
    attribute = ["--lookup-attributes", "AttributeKey=ResourceName,AttributeValue=s", "--max-items", "5"]
    done = subprocess.run(
        [*command, *attribute], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    [event] = json.loads(done.stdout)["Events"]
    assert (event["EventName"], event["ReadOnly"]) == ("CreateSecret", "false")


def test_no_value_is_found_by_looking_up(trail, sm):
    sm.create_secret(Name="s", SecretString="MARKED-VALUE")
    sm.put_secret_value(SecretId="s", SecretString="MARKED-VALUE")
    sm.get_secret_value(SecretId="s")
    assert "MARKED" not in json.dumps(lookup(trail), default=str)


def tls_details(server) -> list[dict | None]:
    """What the events of listings say of their connections, the newest first."""
    events = lookup(client(server, service="cloudtrail"), "EventName", "ListSecrets")
    return [json.loads(event["CloudTrailEvent"]).get("tlsDetails") for event in events]


def test_an_event_tells_how_its_connection_was_encrypted(monkeypatch):
    with Server("--tls") as server:
        authority = server.exported["AWS_CA_BUNDLE"]
        monkeypatch.setenv("AWS_CA_BUNDLE", authority)
        context = ssl.create_default_context(cafile=authority)
        with (
            socket.create_connection(server.address) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            suite, version, _ = connection.cipher()
        by_host = server.url.removeprefix("https://")
        client(server).list_secrets()
        # Over HTTP/2 the name is in the target.
        another = "secrets.example.com:443"
        headers = {"Host": another, "Content-Type": JSON_TYPE, "X-Amz-Target": "secretsmanager.ListSecrets"}
        http2.post(server.address, Signer().headers("POST", "/", headers, b"{}"), b"{}", context)
        told = tls_details(server)
    encrypted = {"tlsVersion": version, "cipherSuite": suite}
    assert told == [encrypted | {"clientProvidedHostHeader": host} for host in (another, by_host)]


def test_an_event_of_a_plain_connection_tells_nothing_of_tls(server, sm):
    sm.list_secrets()
    assert tls_details(server) == [None]


def test_operations_that_are_not_here_are_refused_by_name(trail):
    for call, parameters in (
        (trail.list_event_data_stores, {}),
        (trail.list_imports, {}),
        (trail.get_insight_selectors, {"TrailName": "main"}),
        (trail.list_channels, {}),
    ):
        assert refused(call, **parameters) == "UnsupportedOperationException"


def test_a_trail_that_is_not_there_is_not_found(trail):
    assert trail.describe_trails()["trailList"] == []
    assert trail.list_trails()["Trails"] == []
    assert refused(trail.create_trail, Name="main", S3BucketName="Not_A_Bucket") == "InvalidS3BucketNameException"
    assert refused(trail.get_trail, Name="main") == "TrailNotFoundException"
    assert refused(trail.get_trail_status, Name="main") == "TrailNotFoundException"
    assert refused(trail.get_trail, Name="a") == "InvalidTrailNameException"
    other = f"arn:aws:cloudtrail:{REGION}:{OTHER_ACCOUNT}:trail/main"
    assert refused(trail.get_trail, Name=other) == "AccessDeniedException"
    own = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"
    assert refused(trail.delete_trail, Name=own) == "TrailNotFoundException"


def test_the_key_of_digests_can_be_asked_for_once_a_trail_is_to_be_validated(trail):
    assert trail.list_public_keys()["PublicKeyList"] == []
    trail.create_trail(Name="main", S3BucketName="events-of-mine", EnableLogFileValidation=True)
    trail.start_logging(Name="main")
    deadline = time.monotonic() + 60
    while not (keys := trail.list_public_keys()["PublicKeyList"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    [key] = keys
    public = rsa.PublicKey.load_pkcs1(key["Value"], "DER")
    assert public.n.bit_length() == 2048
    assert re.fullmatch("[0-9a-f]{32}", key["Fingerprint"])
    assert "ValidityEndTime" not in key
    before = key["ValidityStartTime"] - datetime.timedelta(seconds=1)
    assert trail.list_public_keys(StartTime=before, EndTime=before)["PublicKeyList"] == []
    assert trail.list_public_keys(StartTime=before)["PublicKeyList"] == keys


def test_a_trail_delivers_to_a_folder_of_its_buckets_name(server, trail, sm):
    made = trail.create_trail(Name="main", S3BucketName="events-of-mine")
    assert made["TrailARN"] == f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"
    assert [each["Name"] for each in trail.describe_trails()["trailList"]] == ["main"]
    trail.start_logging(Name="main")
    assert trail.get_trail_status(Name="main")["IsLogging"]
    request_id = sm.list_secrets()["ResponseMetadata"]["RequestId"]
    folder = server.data_dir / "buckets" / "events-of-mine" / "AWSLogs" / ACCOUNT / "CloudTrail" / REGION
    records: list[dict] = []
    deadline = time.monotonic() + 60
    while request_id not in {record["requestID"] for record in records}:
        assert time.monotonic() < deadline, records
        time.sleep(0.2)
        files = [path for path in folder.rglob("*.json.gz")]
        records = [record for path in files for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]]
    # What is delivered is noted behind it.
    while "LatestDeliveryTime" not in trail.get_trail_status(Name="main"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    trail.stop_logging(Name="main")
    assert not trail.get_trail_status(Name="main")["IsLogging"]
    trail.delete_trail(Name="main")
    assert trail.list_trails()["Trails"] == []
