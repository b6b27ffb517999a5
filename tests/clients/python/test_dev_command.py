"""`strongroom dev`: what it prints, its reset, its clock, and that it starts again where it was."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from aws import client, refused, stages
from server import ACCOUNT, ROOT, Credentials, Server, binary, clean_environment


def test_it_prints_what_a_shell_needs_and_writes_it_to_a_file(tmp_path):
    env_file = tmp_path / "strongroom.env"
    with Server("--env-file", str(env_file), root=None) as server:
        wanted = {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
        assert wanted <= set(server.exported)
        assert server.exported["AWS_ENDPOINT_URL"].rstrip("/") == server.url
        assert server.exported.get("AWS_REGION", server.exported.get("AWS_DEFAULT_REGION")) == "us-east-1"
        script = f". {shlex.quote(str(env_file))} && env"
        shell = subprocess.run(
            ["sh", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
        )
        sourced = dict(line.partition("=")[::2] for line in shell.stdout.splitlines())
        assert {name: sourced[name] for name in wanted} == {name: server.exported[name] for name in wanted}
        made = Credentials(sourced["AWS_ACCESS_KEY_ID"], sourced["AWS_SECRET_ACCESS_KEY"])
        arn = client(server, credentials=made).create_secret(Name="s", SecretString="v")["ARN"]
        assert f":{ACCOUNT}:" in arn
        assert env_file.stat().st_mode & 0o077 == 0, "the file holds a secret access key"


def test_the_account_and_the_region_can_be_chosen():
    with Server("--account-id", "999988887777", "--region", "eu-west-1") as server:
        assert server.exported.get("AWS_REGION", server.exported.get("AWS_DEFAULT_REGION")) == "eu-west-1"
        arn = client(server, region="eu-west-1").create_secret(Name="s", SecretString="v")["ARN"]
        assert arn.startswith("arn:aws:secretsmanager:eu-west-1:999988887777:secret:s-")


def test_without_a_data_folder_it_leaves_nothing_behind(tmp_path):
    environment = clean_environment(
        TMPDIR=str(tmp_path),
        AWS_ACCESS_KEY_ID=ROOT.access_key_id,
        AWS_SECRET_ACCESS_KEY=ROOT.secret_access_key,
    )
    process = subprocess.Popen(
        [str(binary()), "dev", "--listen", "127.0.0.1:0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("ready "):
            break
    assert list(tmp_path.iterdir()), "its folder is there while it runs"
    process.terminate()
    process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


def test_it_ends_within_seconds_at_sigterm_with_open_connections():
    with Server() as server:
        sm = client(server)
        sm.list_secrets()
        started = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - started < 5
        sm.close()


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_started_again_it_goes_on_where_it_was(tmp_path, end):
    data_dir = tmp_path / "data"
    with Server(data_dir=data_dir) as server:
        listen = "{}:{}".format(*server.address)
        sm = client(server)
        sm.create_secret(Name="s", SecretString="one", ClientRequestToken="1" * 32)
        sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken="2" * 32)
        other = server.create_account("210987654321")
        client(server, credentials=other).create_secret(Name="theirs", SecretString="x")
        getattr(server, end)()
        sm.close()
    with Server(data_dir=data_dir, listen=listen) as server:
        sm = client(server)
        assert sm.get_secret_value(SecretId="s")["SecretString"] == "two"
        assert stages(sm, "s") == {"1" * 32: {"AWSPREVIOUS"}, "2" * 32: {"AWSCURRENT"}}
        theirs = client(server, credentials=other)
        assert theirs.get_secret_value(SecretId="theirs")["SecretString"] == "x"


def test_a_second_server_on_the_same_folder_is_refused(server):
    again = subprocess.run(
        [str(binary()), "dev", "--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert again.returncode != 0
    assert str(server.data_dir) in again.stderr


def test_a_reset_forgets_what_bounds_an_account(server, sm, tmp_path):
    denial = {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": denial}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    bounds = ["account", "policy", "put", "--account", ACCOUNT, "--name", "None", "--file", str(file)]
    server.admin(*bounds)
    with refused("AccessDeniedException"):
        sm.list_secrets()
    server.reset()
    assert sm.list_secrets()["SecretList"] == []


def test_a_reset_forgets_all_but_the_accounts(server, sm, stranger):
    sm.create_secret(Name="s", SecretString="v")
    stranger.create_secret(Name="t", SecretString="v")
    server.reset()
    assert sm.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    assert stranger.list_secrets(IncludePlannedDeletion=True)["SecretList"] == []
    sm.create_secret(Name="s", SecretString="new")
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "new"


def test_the_clock_is_told_and_moves_forward(server):
    def told() -> object:
        status, text = server.control("GET", "/_strongroom/clock")
        assert status == 200
        return json.loads(text)

    before = told()
    server.advance(hours=1)
    assert isinstance(before, dict) and before
    assert told() != before


@pytest.mark.parametrize("body", [{"advance_seconds": -1}, {"advance_seconds": "1"}, {}, {"forward": 1}])
def test_the_clock_refuses_anything_else(server, body):
    status, _ = server.control("POST", "/_strongroom/clock", body)
    assert 400 <= status < 500


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/_strongroom/reset", None),
        ("GET", "/_strongroom/clock", None),
        ("POST", "/_strongroom/clock", {"advance_seconds": 1}),
    ],
)
def test_a_web_page_may_not_use_them(server, sm, method, path, body):
    sm.create_secret(Name="s", SecretString="v")
    status, _ = server.control(method, path, body, Origin="http://evil.example")
    assert 400 <= status < 500
    assert sm.get_secret_value(SecretId="s")["SecretString"] == "v"


@pytest.mark.parametrize("path", ["/_strongroom/", "/_strongroom/other", "/_strongroom/reset/x"])
def test_there_are_no_others(server, path):
    for method in ("GET", "POST"):
        status, _ = server.control(method, path)
        assert 400 <= status < 500


def test_no_value_is_on_disk_in_plain_text(tmp_path):
    marked = "MARKED-VALUE-7c1f5f0b9a"
    data_dir = tmp_path / "data"
    with Server(data_dir=data_dir) as server:
        sm = client(server)
        sm.create_secret(Name="s", SecretString=marked)
        sm.update_secret(SecretId="s", SecretString=marked * 100)
        sm.get_secret_value(SecretId="s")
        server.kill()
        sm.close()
        assert marked not in server.output()
        assert ROOT.secret_access_key not in server.log_text()
    files = [path for path in Path(data_dir).rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert marked.encode() not in content, path
        assert ROOT.secret_access_key.encode() not in content, path
