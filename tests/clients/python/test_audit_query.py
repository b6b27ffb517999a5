"""`strongroom audit query`: the log searched beside its server, and as a copy without one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import aws
import pytest
from botocore.exceptions import ClientError
from server import ACCOUNT, ROOT, Server, binary, clean_environment


@pytest.fixture(scope="module")
def folder():
    """The data folder of a server that runs, and was asked for something."""
    with Server() as server:
        sm = aws.client(server)
        sm.create_secret(Name="prod/db", SecretString="MARKED-VALUE")
        sm.get_secret_value(SecretId="prod/db")
        with pytest.raises(ClientError):
            sm.get_secret_value(SecretId="absent")
        aws.client(server, service="kms", region="eu-west-1").create_key()
        # It answers once all of it is durable.
        aws.client(server, service="cloudtrail").lookup_events()
        yield server.data_dir


def query(*arguments: str, status: int = 0) -> str:
    """What the command prints."""
    done = subprocess.run(
        [str(binary()), "audit", "query", *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def names(folder: Path, *arguments: str) -> list[str]:
    """The names of the events that are found."""
    lines = query("--data-dir", str(folder), "--json", *arguments).splitlines()
    return [json.loads(line)["eventName"] for line in lines]


def test_the_table_says_who_did_what_to_what_and_what_came_of_it(folder):
    table = query("--data-dir", str(folder), "--source", "secretsmanager").splitlines()
    assert table[0].split() == ["WHEN", "WHO", "WHAT", "ON", "FROM", "OUTCOME"]
    rows = [row.split()[1:] for row in table[1:]]
    root = f"{ACCOUNT}/root"
    assert rows[0][:2] == [root, "GetSecretValue"]
    assert rows[0][-1] == "ResourceNotFoundException"
    assert rows[1] == [root, "GetSecretValue", "prod/db", "127.0.0.1", "ok"]
    assert rows[2] == [root, "CreateSecret", "prod/db", "127.0.0.1", "ok"]


def test_each_filter_finds_what_has_it(folder):
    for arguments, expected in (
        (("--event-name", "CreateSecret"), ["CreateSecret"]),
        (("--event-name", "CreateSecret", "--errors-only"), []),
        (("--errors-only",), ["GetSecretValue"]),
        (("--region", "eu-west-1"), ["CreateKey"]),
        (("--source", "kms.amazonaws.com", "--region", "eu-west-1"), ["CreateKey"]),
        (("--resource", "prod/db", "--source", "secretsmanager"), ["GetSecretValue", "CreateSecret"]),
        (("--writes", "--source", "secretsmanager"), ["CreateSecret"]),
        (("--user", "root", "--limit", "1"), ["LookupEvents"]),
        (("--user", "nobody"), []),
        (("--account", "999999999999"), []),
        (("--access-key", ROOT.access_key_id, "--event-name", "CreateKey"), ["CreateKey"]),
        (("--from", "1h", "--event-name", "CreateKey"), ["CreateKey"]),
        (("--to", "1h"), []),
        (("--order", "oldest", "--source", "secretsmanager", "--limit", "1"), ["CreateSecret"]),
    ):
        assert names(folder, *arguments) == expected, arguments


def test_a_copy_of_the_log_alone_is_searched_and_no_value_is_in_it(folder, tmp_path):
    copy = tmp_path / "log"
    shutil.copytree(folder / "audit", copy)
    lines = query("--log", str(copy), "--ocsf", "--limit", "0").splitlines()
    assert len(lines) == len(names(folder, "--limit", "0"))
    activities = [json.loads(line) for line in lines]
    assert {activity["class_uid"] for activity in activities} == {6003}
    assert activities[0]["api"]["operation"] == "LookupEvents"
    assert "MARKED" not in "".join(lines)


def test_what_is_no_log_is_said(tmp_path):
    assert "there is no audit log" in query("--data-dir", str(tmp_path), status=1)
    assert "--from" in query("--data-dir", str(tmp_path), "--from", "yesterday", status=2)
