"""KMS: every operation with every member broken in every way: AWS's error, and nothing changes."""

from __future__ import annotations

import pytest
from bad_kms_requests import KMS, REFUSED_AS_A_WHOLE
from bad_requests import BROKEN_BODIES, SECRETS_MANAGER, SERIALIZATION
from standing_keys import VALID, StandingKeys
from test_bad_requests import SIGNATURES, faults

from wire import JSON_TYPE, TARGETS, Signer, Wire

# Operations that need nothing of a request.
NEED_NOTHING = {"CreateKey", "ListAliases", "ListKeys", "DescribeCustomKeyStores"}


@pytest.fixture(scope="session")
def keys_session(shared_server):
    """The keys."""
    made = StandingKeys(shared_server)
    yield made
    made.wire.close()


@pytest.fixture(scope="module")
def keys_module(keys_session):
    """The keys, made once for this file."""
    keys_session.build()
    return keys_session


@pytest.fixture
def keys(keys_module):
    """The keys; the test fails where it changed anything of them."""
    yield keys_module
    before, after = keys_module.built, keys_module.dump()
    if after != before:
        keys_module.build()
    assert after == before


@pytest.mark.parametrize("operation", VALID)
def test_a_broken_member_is_refused_and_changes_nothing(keys, operation):
    wrong = []
    for member in KMS.members_of(operation):
        for case in KMS.broken_members(operation, member):
            answer = keys.call(operation, case.request)
            wrong += faults(answer, case.name, "kms")
            if complaint := case.complaint(answer):
                wrong.append(f"{case.name}: {complaint}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", REFUSED_AS_A_WHOLE)
def test_an_operation_that_is_not_here_is_refused_whatever_is_asked(keys, operation):
    wrong = []
    for request in (REFUSED_AS_A_WHOLE[operation], {}, {"KeyId": 7}, b"nonsense", *BROKEN_BODIES.values()):
        answer = keys.call(operation, request)
        wrong += faults(answer, repr(request)[:100], "kms")
        if answer.status != 400:
            wrong.append(f"{request!r:.100}: {answer.status} {answer.body[:300]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", KMS.operations())
def test_the_signature_is_checked_before_anything_else(keys, operation):
    wrong = []
    for sign, code in SIGNATURES.items():
        for request in (KMS.operations()[operation], {}, {"KeyId": 7}, b"nonsense", b""):
            answer = keys.call(operation, request, sign=sign)
            wrong += faults(answer, repr(request)[:200], "kms")
            if (answer.status, answer.code) != (400, code):
                wrong.append(f"{sign}, {repr(request)[:200]}: {answer.status} {answer.body[:200]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", VALID)
def test_a_body_that_is_no_request_is_refused_and_changes_nothing(keys, operation):
    wrong = []
    for name, body in BROKEN_BODIES.items():
        if name in {"a value of a wrong type", "an unknown member nested too deep"}:
            continue  # KMS knows none of their members.
        answer = keys.call(operation, body)
        wrong += faults(answer, name, "kms")
        if (answer.status, answer.code) != (400, SERIALIZATION):
            wrong.append(f"{name}: {answer.status} {answer.body[:300]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", sorted(set(VALID) - NEED_NOTHING))
def test_an_empty_body_is_no_request(keys, operation):
    for body in (b"", b"{}"):
        answer = keys.call(operation, body)
        assert not faults(answer, operation, "kms")
        assert (answer.status, answer.code) == (400, "ValidationException"), answer.body


@pytest.mark.parametrize("catalogue", [KMS, SECRETS_MANAGER], ids=["kms", "secretsmanager"])
def test_a_signature_for_one_service_opens_no_other(keys, shared_server, catalogue):
    """A key's scope names the service: a request signed for one is no request to the other."""
    other = "secretsmanager" if catalogue is KMS else "kms"
    wire = Wire(shared_server, Signer(service=other))
    wrong = []
    for operation, request in catalogue.operations().items():
        body = keys.filled(request)
        headers = {"Content-Type": JSON_TYPE, "X-Amz-Target": f"{TARGETS[catalogue.service]}.{operation}"}
        answer = wire.send("POST", "/", headers, body)
        if answer.status != 400 or answer.code not in {"InvalidSignatureException", "UnknownOperationException"}:
            wrong.append(f"{operation}: {answer.status} {answer.body[:300]!r}")
    wire.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("operation", VALID)
def test_a_good_request_is_carried_out_and_what_is_unknown_in_it_ignored(keys_session, operation):
    keys_session.build()
    answer = keys_session.call(operation, VALID[operation] | {"Unknown": [None, {"a": 1.5}], "keyId": 7})
    assert answer.status == 200, answer.body
