"""No member that AWS's own models call sensitive is left out of the list that events are scanned for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import botocore.session
import pytest

RULES = Path(__file__).parents[3] / "crates/services/tests/rules/cloudtrail"
LISTED = set(re.findall(r'^    "(\w+)",$', (RULES / "secrecy.rs").read_text(), re.MULTILINE))
TABLE = (RULES / "every_operation.jsonl").read_text()
CALLS = {json.loads(line)["call"] for line in TABLE.splitlines()}

# What a function is given and answers stays out of the document that events are made of, and its errors are part of that.
# A message that is to be signed is looked for by itself, as errors have a member of that name.
ELSEWHERE = {"Payload", "Message"}
# The public half of a key pair, which its model marks for custom key stores' sake; events tell no answer of a read.
PUBLIC = {"PublicKey"}
# What comes with AWS IAM Identity Center, which there is none of here: no answer has it.
ABSENT = {"IdentityProvider", "Issuer", "Subject", "SubjectType", "TrustedIdentityPropagationContext"}


def sensitive(shape, name="", above=frozenset()):
    if shape is None or shape.name in above:
        return set()
    found = {name} if shape.metadata.get("sensitive") or shape.serialization.get("sensitive") else set()
    above = above | {shape.name}
    if shape.type_name == "structure":
        return found.union(*(sensitive(member, each, above) for each, member in shape.members.items()))
    if shape.type_name == "list":
        return found | sensitive(shape.member, name, above)
    if shape.type_name == "map":
        return found | sensitive(shape.value, name, above)
    return found


@pytest.mark.parametrize("call", sorted(CALLS))
def test_each_sensitive_member_is_looked_for(call):
    service, operation = call.split(":")
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    members = sensitive(model.input_shape) | sensitive(model.output_shape)
    assert members - ELSEWHERE - PUBLIC - ABSENT <= LISTED
