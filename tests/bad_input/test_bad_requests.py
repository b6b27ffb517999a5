"""Every operation with every member broken in every way: AWS's error, and nothing changes.

Each test sends all its requests and tells all that went wrong. The same requests unsigned or wrongly
signed get the signature's error and no other.
"""

from __future__ import annotations

import json

import pytest
from bad_requests import (
    BROKEN_BODIES,
    MARK,
    REFUSED_AS_A_WHOLE,
    SECRETS_MANAGER,
    SERIALIZATION,
    VALID,
    accepted_variants,
)

from wire import malformations

MEMBERS = [(operation, member) for operation in SECRETS_MANAGER.operations() for member in SECRETS_MANAGER.members_of(operation)]
IDS = [f"{operation}.{member}" for operation, member in MEMBERS]


def faults(answer, where: str, service: str = "secretsmanager") -> list[str]:
    """What may be wrong with any refusal at all."""
    wrong = [f"{where}: {fault}" for fault in malformations(answer, service)]
    if answer.status >= 500:
        wrong.append(f"{where}: {answer.status} {answer.body[:300]!r}")
    if MARK.encode() in answer.body and answer.status != 200:
        wrong.append(f"{where}: the value is in the message {answer.body[:300]!r}")
    return wrong


@pytest.mark.parametrize(("operation", "member"), MEMBERS, ids=IDS)
def test_a_broken_member_is_refused_and_changes_nothing(standing, operation, member):
    wrong = []
    for case in SECRETS_MANAGER.broken_members(operation, member):
        answer = standing.wire.call(operation, case.request)
        wrong += faults(answer, case.name)
        if operation in REFUSED_AS_A_WHOLE:
            if not 400 <= answer.status < 500:
                wrong.append(f"{case.name}: {answer.status}")
        elif complaint := case.complaint(answer):
            wrong.append(f"{case.name}: {complaint}")
    assert not wrong, "\n".join(wrong)


SIGNATURES = {
    "none": "MissingAuthenticationTokenException",
    "wrong": "InvalidSignatureException",
    "stranger": "UnrecognizedClientException",
}


@pytest.mark.parametrize("sign", SIGNATURES)
@pytest.mark.parametrize("operation", SECRETS_MANAGER.operations())
def test_the_signature_is_checked_before_anything_else(standing, operation, sign):
    wrong = []
    requests = [case.request for member in SECRETS_MANAGER.members_of(operation) for case in SECRETS_MANAGER.broken_members(operation, member)]
    requests += [SECRETS_MANAGER.operations()[operation], *BROKEN_BODIES.values(), b""]
    for request in requests:
        answer = standing.wire.call(operation, request, sign=sign)
        wrong += faults(answer, repr(request)[:200])
        if (answer.status, answer.code) != (400, SIGNATURES[sign]):
            wrong.append(f"{repr(request)[:200]}: {answer.status} {answer.body[:200]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", SECRETS_MANAGER.operations())
def test_a_body_that_is_no_request_is_refused_and_changes_nothing(standing, operation):
    wrong = []
    for name, body in BROKEN_BODIES.items():
        answer = standing.wire.call(operation, body)
        wrong += faults(answer, name)
        allowed = {SERIALIZATION}
        if name == "a value of a wrong type" and operation in {"GetRandomPassword", "ListSecrets", "BatchGetSecretValue"}:
            continue  # These know none of its members.
        if operation in REFUSED_AS_A_WHOLE:
            if not 400 <= answer.status < 500:
                wrong.append(f"{name}: {answer.status}")
        elif answer.status != 400 or answer.code not in allowed:
            wrong.append(f"{name}: {answer.status} {answer.body[:300]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", SECRETS_MANAGER.operations())
def test_an_empty_body_is_an_empty_request_or_none(standing, operation):
    answer = standing.wire.call(operation, b"")
    assert not faults(answer, operation)
    if answer.status != 200:
        assert answer.status == 400
    else:
        assert operation in {"GetRandomPassword", "ListSecrets"}


@pytest.mark.parametrize("size", [1_100_000, 2_000_000, 20_000_000])
@pytest.mark.parametrize("operation", ["CreateSecret", "GetSecretValue", "TagResource"])
def test_a_body_that_is_too_large_is_refused(standing, operation, size):
    body = json.dumps(VALID[operation] | {"x": MARK + "a" * size}).encode()
    answer = standing.wire.call(operation, body)
    assert not faults(answer, operation)
    assert answer.status in (400, 413)
    assert answer.code == "RequestEntityTooLargeException"


@pytest.mark.parametrize("operation", ["PutSecretValue", "CreateSecret"])
def test_a_number_that_no_one_can_hold_is_ignored_in_an_unknown_member_or_refused(standing_session, operation):
    for number in (b"1e999", b"-1e999", b"1" + b"0" * 5000, b"0." + b"1" * 5000, b"1e-99999"):
        standing_session.build()
        body = json.dumps(VALID[operation]).encode()[:-1] + b',"Unknown":' + number + b"}"
        answer = standing_session.wire.call(operation, body)
        assert not faults(answer, number[:20].decode())
        assert answer.status == 200 or answer.code == SERIALIZATION
    standing_session.build()


def test_a_member_given_twice_is_one_member_or_a_refusal(standing):
    for body in (
        b'{"SecretId":"nothing","SecretId":"standing"}',
        b'{"SecretId":"standing","SecretId":"nothing"}',
        b'{"SecretId":7,"SecretId":"standing"}',
        b'{"SecretId":"standing","VersionStage":"AWSCURRENT","VersionStage":"AWSPREVIOUS"}',
    ):
        answer = standing.wire.call("GetSecretValue", body)
        assert not faults(answer, body.decode())
        assert answer.status == 200 or answer.code in {SERIALIZATION, "ResourceNotFoundException"}


ALL_ACCEPTED = [
    (operation, name, request)
    for operation in VALID
    for member in SECRETS_MANAGER.members_of(operation)
    for name, request in accepted_variants(operation, member)
] + [
    (operation, name, VALID[operation] | extra)
    for operation in VALID
    for name, extra in (
        ("as it is", {}),
        ("an unknown member", {"Unknown": "x"}),
        ("an unknown member with everything", {"Unknown": [None, 1.5, {"a": [True]}]}),
        ("an unknown member named almost right", {"secretId": 7, "Secretid": None, "SECRETID": []}),
    )
]


@pytest.mark.parametrize("operation", VALID)
def test_null_is_absent_and_the_unknown_is_ignored(standing_session, operation):
    wrong = []
    for of, name, request in ALL_ACCEPTED:
        if of != operation:
            continue
        standing_session.build()
        if operation == "RestoreSecret":
            request = request | {"SecretId": "deleted"}
        if operation in {"CancelRotateSecret", "RotateSecret"}:
            # One that rotates already: then each member may be left out.
            request = request | {"SecretId": "rotating"}
            for made, of in (
                ("CreateSecret", {"Name": "rotating", "SecretString": MARK, "ClientRequestToken": "f" * 32}),
                ("RotateSecret", VALID["RotateSecret"] | {"SecretId": "rotating"}),
            ):
                assert standing_session.wire.call(made, of).status == 200
        if operation == "BatchGetSecretValue" and name in {"Filters null", "SecretIdList null"}:
            request = {"SecretIdList": ["standing"], "Filters": None, "MaxResults": None}
        answer = standing_session.wire.call(operation, request)
        wrong += [f"{name}: {fault}" for fault in malformations(answer)]
        if answer.status != 200:
            wrong.append(f"{name}: {answer.body[:300]!r}")
    standing_session.build()
    assert not wrong, "\n".join(wrong)
