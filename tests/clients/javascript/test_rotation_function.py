"""Rotation by the function in JavaScript, with the AWS SDK in its zip, on Node.js; needs this folder's node_modules."""

from __future__ import annotations

from pathlib import Path

from aws import client
from rotation_functions import FUNCTIONS, make_function, make_role, running_server, until_current

MODULES = Path(__file__).parent / "node_modules"


def test_a_function_in_javascript_rotates_unmodified():
    files = {"index.js": (FUNCTIONS / "node" / "index.js").read_bytes()}
    for path in MODULES.rglob("*"):
        if path.is_file() and path.suffix in {".js", ".json"} and not path.is_symlink():
            files[f"node_modules/{path.relative_to(MODULES)}"] = path.read_bytes()
    assert len(files) > 100, "npm ci fills node_modules"
    with running_server() as server:
        make_role(server)
        function = make_function(server, "nodejs20.x", "index.handler", files)
        sm = client(server)
        sm.create_secret(Name="s", SecretString="first")
        rules = {"AutomaticallyAfterDays": 30}
        version = sm.rotate_secret(SecretId="s", RotationLambdaARN=function, RotationRules=rules)["VersionId"]
        until_current(sm, version)
        assert sm.get_secret_value(SecretId="s")["SecretString"] != "first"
        assert "panicked" not in server.output()
