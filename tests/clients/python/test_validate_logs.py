"""The AWS CLI's `cloudtrail validate-logs`, unmodified, on what a trail delivers to a bucket that speaks S3."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import pytest
from aws import client
from bucket_server import BucketServer, Object
from server import ACCOUNT, REGION, Credentials, clean_environment

from production import Production, production

BUCKET = "audit-logs"
PREFIX = "year=2026/prod"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"
DELIVERER = Credentials("AKIAOFTHEARCHIVE", "secret/of/the/archive")


@dataclass
class Delivered:
    """A server whose trail delivers each second, and its bucket."""

    server: Production
    bucket: BucketServer
    root: Credentials
    began: datetime.datetime

    def logs(self) -> list[str]:
        """The names of the log files that a digest names."""
        return sorted({file["s3Object"] for digest in self.digests().values() for file in digest["logFiles"]})

    def digests(self) -> dict[str, dict]:
        """What each digest says, oldest first."""
        found = sorted(name for name in list(self.bucket.objects) if "/CloudTrail-Digest/" in name)
        return {name: json.loads(gzip.decompress(self.bucket.objects[name].content)) for name in found}

    def validate(self, *more: str) -> subprocess.CompletedProcess:
        """`aws cloudtrail validate-logs`."""
        environment = clean_environment(
            AWS_ENDPOINT_URL_CLOUDTRAIL=self.server.url,
            AWS_ENDPOINT_URL_S3=self.bucket.url,
            AWS_ACCESS_KEY_ID=self.root.access_key_id,
            AWS_SECRET_ACCESS_KEY=self.root.secret_access_key,
            AWS_DEFAULT_REGION=REGION,
        )
        command = [sys.executable, "-m", "awscli", "cloudtrail", "validate-logs", "--trail-arn", TRAIL, "--verbose"]
        since = ["--start-time", self.began.strftime("%Y-%m-%dT%H:%M:%SZ")]
        return subprocess.run(
            [*command, *since, *more], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def until(self, holds) -> None:
        """Waits."""
        deadline = time.monotonic() + 40
        while not holds():
            assert time.monotonic() < deadline, sorted(self.bucket.objects)
            time.sleep(0.2)

    @contextlib.contextmanager
    def tampered(self, name: str, content: Object | None):
        """With another object in the place of one, or none."""
        before = self.bucket.objects.pop(name)
        if content:
            self.bucket.objects[name] = content
        yield
        self.bucket.objects[name] = before


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """What a trail delivered of some calls: at least three digests, with at least two log files."""
    key_file = tmp_path_factory.mktemp("seal") / "root.key"
    kept = f"AWS_ACCESS_KEY_ID={DELIVERER.access_key_id}\nAWS_SECRET_ACCESS_KEY={DELIVERER.secret_access_key}\n"
    with (
        BucketServer(BUCKET, DELIVERER) as bucket,
        production(seal=f'key_file = "{key_file}"', secrets={"archive": kept}) as server,
    ):
        credentials_file = server.folder.parent / "secrets" / "archive"
        with server.config.open("a") as config:
            config.write(
                f'[audit]\ndelivery_seconds = 1\ndigest_seconds = 1\n[[audit.buckets]]\nname = "{BUCKET}"\n'
                f'endpoint = "{bucket.url}"\nregion = "eu-west-3"\ncredentials_file = "{credentials_file}"\n'
            )
        root = server.init()
        bucket.callers[root.access_key_id] = root
        server.start()
        began = datetime.datetime.now(datetime.timezone.utc)
        made = Delivered(server, bucket, root, began)
        trail = client(server, credentials=root, service="cloudtrail")
        trail.create_trail(Name="main", S3BucketName=BUCKET, S3KeyPrefix=PREFIX, EnableLogFileValidation=True)
        trail.start_logging(Name="main")
        sm = client(server, credentials=root)
        for number in range(2):
            sm.create_secret(Name=f"s-{number}", SecretString="v")
            made.until(lambda count=number: len(made.logs()) > count)
        made.until(lambda: len(made.digests()) >= 3)
        yield made
        assert bucket.refused == []


def test_what_was_delivered_is_valid(delivered):
    names = [*delivered.logs(), *delivered.digests()]
    done = delivered.validate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for kind, least in (("digest", 3), ("log", 2)):
        [(valid, of)] = re.findall(rf"(\d+)/(\d+) {kind} files valid", done.stdout)
        assert valid == of and int(valid) >= least, done.stdout
    for name in names:
        assert f"s3://{BUCKET}/{name}\tvalid" in done.stdout, done.stdout


def test_a_changed_log_file_is_invalid(delivered):
    name = delivered.logs()[0]
    before = delivered.bucket.objects[name]
    said = gzip.decompress(before.content)
    other = bytes([*said[:-20], said[-20] ^ 1, *said[-19:]])
    flipped = bytes([*before.content[:-40], before.content[-40] ^ 1, *before.content[-39:]])
    for content, why in ((gzip.compress(other), "hash value doesn't match"), (flipped, "")):
        with delivered.tampered(name, replace(before, content=content)):
            done = delivered.validate()
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"Log file\ts3://{BUCKET}/{name}\tINVALID: {why}" in done.stderr
        assert re.search(r", 1/\d+ log files INVALID", done.stdout)
        assert "digest files INVALID" not in done.stdout


def test_a_deleted_log_file_is_missed(delivered):
    name = delivered.logs()[0]
    with delivered.tampered(name, None):
        done = delivered.validate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"Log file\ts3://{BUCKET}/{name}\tINVALID: not found" in done.stderr


def test_a_digest_that_was_changed_signed_by_another_or_deleted_is_invalid(delivered):
    digests = delivered.digests()
    name, said = next((name, said) for name, said in digests.items() if said["logFiles"])
    another = next(each for each in digests if each != name)
    before = delivered.bucket.objects[name]
    # Somebody who takes a log file away takes it out of its digest as well.
    without = gzip.compress(json.dumps(said | {"logFiles": []}).encode())
    signature = delivered.bucket.objects[another].headers["x-amz-meta-signature"]
    not_signed = "INVALID: signature verification failed"
    for content, why in (
        (replace(before, content=without), not_signed),
        (replace(before, headers=before.headers | {"x-amz-meta-signature": signature}), not_signed),
        (replace(before, headers={}), not_signed),
        (delivered.bucket.objects[another], "INVALID: has been moved from its original location"),
        (None, "INVALID: not found"),
    ):
        with delivered.tampered(name, content):
            done = delivered.validate()
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"Digest file\ts3://{BUCKET}/{name}\t{why}" in done.stderr
        assert re.search(r", 1/\d+ digest files INVALID", done.stdout)


def test_digests_of_earlier_keys_stay_valid(delivered):
    """The server has lost its signing key, as after another root key or a restored backup: another one signs."""
    fingerprints = lambda: {digest["digestPublicKeyFingerprint"] for digest in delivered.digests().values()}
    assert len(fingerprints()) == 1
    delivered.server.terminate()
    (delivered.server.data_dir / "audit-state" / "digest-keys.json").unlink()
    delivered.server.start()
    delivered.until(lambda: len(fingerprints()) == 2)
    done = delivered.validate()
    assert done.returncode == 0, done.stdout + done.stderr
    trail = client(delivered.server, credentials=delivered.root, service="cloudtrail")
    keys = trail.list_public_keys(StartTime=delivered.began)["PublicKeyList"]
    assert {key["Fingerprint"] for key in keys} == fingerprints()
    assert ["ValidityEndTime" in key for key in keys] == [True, False]
    assert [key["Fingerprint"] for key in trail.list_public_keys()["PublicKeyList"]] == [keys[1]["Fingerprint"]]
