"""A store with something of everything, and a way to see whether anything in it changed."""

from __future__ import annotations

import json

import pytest

from bad_requests import MARK, NAME, POLICY
from wire import Wire


class Standing:
    """The state that no refused request may change."""

    def __init__(self, server, wire: Wire) -> None:
        self.server = server
        self.wire = wire

    def build(self) -> None:
        """Empties the server and fills it again."""
        self.server.reset()
        for operation, request in (
            ("CreateSecret", {"Name": NAME, "SecretString": MARK + "1", "ClientRequestToken": "a" * 32,
                              "Description": "standing", "Tags": [{"Key": "env", "Value": "prod"}]}),
            ("PutSecretValue", {"SecretId": NAME, "SecretString": MARK + "2", "ClientRequestToken": "b" * 32}),
            ("PutSecretValue", {"SecretId": NAME, "SecretString": MARK + "3", "ClientRequestToken": "c" * 32}),
            ("PutResourcePolicy", {"SecretId": NAME, "ResourcePolicy": POLICY}),
            ("CreateSecret", {"Name": "empty", "ClientRequestToken": "d" * 32}),
            ("CreateSecret", {"Name": "deleted", "SecretString": MARK + "4", "ClientRequestToken": "e" * 32}),
            ("DeleteSecret", {"SecretId": "deleted"}),
        ):
            answer = self.wire.call(operation, request)
            assert answer.status == 200, (operation, answer.body)
        self.dump()

    def dump(self) -> str:
        """All that can be seen of the store."""
        seen = {}
        listed = self.wire.call("ListSecrets", {"IncludePlannedDeletion": True, "SortBy": "name"}).json
        seen["list"] = listed
        for entry in listed["SecretList"]:
            name = entry["Name"]
            seen[name] = self.wire.call("DescribeSecret", {"SecretId": name}).json
            versions = self.wire.call("ListSecretVersionIds", {"SecretId": name, "IncludeDeprecated": True}).json
            seen[name, "versions"] = versions
            for version in versions["Versions"]:
                got = self.wire.call("GetSecretValue", {"SecretId": name, "VersionId": version["VersionId"]})
                seen[name, version["VersionId"]] = got.json
            seen[name, "policy"] = self.wire.call("GetResourcePolicy", {"SecretId": name}).json
        return json.dumps({str(key): value for key, value in seen.items()}, sort_keys=True, indent=1)


@pytest.fixture(scope="session")
def standing_session(shared_server, shared_wire):
    """The state, built once."""
    made = Standing(shared_server, shared_wire)
    made.build()
    return made


@pytest.fixture
def standing(standing_session):
    """The state; the test fails where it changed it."""
    before = standing_session.dump()
    yield standing_session
    after = standing_session.dump()
    if after != before:
        standing_session.build()
    assert after == before
