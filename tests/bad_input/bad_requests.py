"""The bad requests, made from botocore's own model of a service.

A `Catalogue` holds a good request of each operation; `broken_members` breaks it one member at a time,
and says which error AWS answers with. Bodies that are no request at all stand in `BROKEN_BODIES`.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from dataclasses import dataclass

import botocore.model
import botocore.session

from server import ACCOUNT, REGION
from standing_keys import MARK

NAME = "standing"
TOKEN = "11111111-2222-3333-4444-555555555555"
POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }],
})
FILTERS = [{"Key": "name", "Values": ["nothing"]}]

# A good request of each operation that touches only the secret NAME or none at all, with every
# member that has a constraint of its own and can be given beside the others.
VALID: dict[str, dict] = {
    "BatchGetSecretValue": {"Filters": FILTERS, "MaxResults": 5},
    "CreateSecret": {
        "Name": "made-by-bad-input",
        "ClientRequestToken": TOKEN,
        "Description": "d",
        "KmsKeyId": "",
        "SecretString": MARK,
        "Tags": [{"Key": "k", "Value": "v"}],
        "ForceOverwriteReplicaSecret": False,
    },
    "DeleteResourcePolicy": {"SecretId": NAME},
    "DeleteSecret": {"SecretId": NAME, "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": False},
    "DescribeSecret": {"SecretId": NAME},
    "GetRandomPassword": {
        "PasswordLength": 20,
        "ExcludeCharacters": "x",
        "ExcludeNumbers": False,
        "ExcludePunctuation": True,
        "ExcludeUppercase": False,
        "ExcludeLowercase": False,
        "IncludeSpace": False,
        "RequireEachIncludedType": True,
    },
    "GetResourcePolicy": {"SecretId": NAME},
    "GetSecretValue": {"SecretId": NAME, "VersionStage": "AWSCURRENT"},
    "ListSecretVersionIds": {"SecretId": NAME, "MaxResults": 5, "IncludeDeprecated": True},
    "ListSecrets": {
        "IncludePlannedDeletion": True,
        "MaxResults": 5,
        "Filters": FILTERS,
        "SortOrder": "asc",
        "SortBy": "name",
    },
    "PutResourcePolicy": {"SecretId": NAME, "ResourcePolicy": POLICY, "BlockPublicPolicy": False},
    "PutSecretValue": {
        "SecretId": NAME,
        "ClientRequestToken": TOKEN,
        "SecretString": MARK,
        "VersionStages": ["blue"],
    },
    "RestoreSecret": {"SecretId": NAME},
    "TagResource": {"SecretId": NAME, "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"SecretId": NAME, "TagKeys": ["k"]},
    "UpdateSecret": {
        "SecretId": NAME,
        "ClientRequestToken": TOKEN,
        "Description": "d",
        "KmsKeyId": "",
        "SecretString": MARK,
    },
    "CancelRotateSecret": {"SecretId": NAME},
    "RotateSecret": {
        "SecretId": NAME,
        "ClientRequestToken": TOKEN,
        "RotationLambdaARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-random-value",
        "RotationRules": {"AutomaticallyAfterDays": 30},
    },
    "UpdateSecretVersionStage": {"SecretId": NAME, "VersionStage": "blue", "MoveToVersionId": "c" * 32},
    "ValidateResourcePolicy": {"SecretId": NAME, "ResourcePolicy": POLICY},
}

# Operations that are refused as a whole until replication is here: of them only the form of the refusal is asked.
REFUSED_AS_A_WHOLE: dict[str, dict] = {
    "RemoveRegionsFromReplication": {"SecretId": NAME, "RemoveReplicaRegions": ["eu-west-1"]},
    "ReplicateSecretToRegions": {"SecretId": NAME, "AddReplicaRegions": [{"Region": "eu-west-1"}]},
    "StopReplicationToReplica": {"SecretId": NAME},
}

# Good values of members that the valid requests don't have.
SAMPLES = {
    "SecretBinary": base64.b64encode(MARK.encode()).decode(),
    "SecretIdList": [NAME],
    "AddReplicaRegions": [{"Region": "eu-west-1", "KmsKeyId": ""}],
    "RotationToken": "r" * 36,
    "VersionId": "c" * 32,
    "RemoveFromVersionId": "c" * 32,
    "NextToken": "nonsense",
    "Type": "",
    "ExternalSecretRotationMetadata": [{"Key": "k", "Value": "v"}],
    "ExternalSecretRotationRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "RotateImmediately": True,
    "ForceOverwriteReplicaSecret": False,
}
UNKNOWN_OPERATIONS = frozenset({
    "AssociateCrossAccountReplica",
    "DisassociateCrossAccountReplica",
    "ListResourcePolicies",
})
UNKNOWN_MEMBERS = frozenset({"CrossAccountPrimaryARN", "PolicyName"})
INSTEAD_OF = {
    ("BatchGetSecretValue", "SecretIdList"): ["Filters", "MaxResults"],
    ("CreateSecret", "SecretBinary"): ["SecretString"],
    ("PutSecretValue", "SecretBinary"): ["SecretString"],
    ("UpdateSecret", "SecretBinary"): ["SecretString"],
}

VALIDATION, SERIALIZATION = "ValidationException", "SerializationException"
JSON_VALUES = {
    "string": "text",
    "integer": 7,
    "fraction": 7.5,
    "boolean": True,
    "list": ["text"],
    "object": {"Key": "text"},
}
ACCEPTED_KINDS = {
    "string": {"string"},
    "blob": {"string"},
    "boolean": {"boolean"},
    "integer": {"integer"},
    "long": {"integer"},
    "list": {"list"},
    "structure": {"object"},
    "map": {"object"},
    "timestamp": {"integer", "fraction"},
}


# Shapes whose value, or part of it, may not come back in any error.
SENSITIVE = {"SecretStringType", "SecretBinaryType", "RotationTokenType", "PlaintextType"}
VIOLATION = re.compile(
    r"Value (?:null |'[^']*' |)at '[A-Za-z0-9.]+' failed to satisfy constraint: Member must "
    r"(?:not be null|have (?:length|value) (?:greater|less) than or equal to \d+"
    r"|satisfy enum value set: \[[A-Za-z0-9_, -]+\]|satisfy regular expression pattern: [^; ]+(?: [^; ]+)*?"
    r"|satisfy constraint: \[.*?\](?=;|$))(?=; Value |$)",
    re.DOTALL,
)


# Values outside of the patterns of KMS's shapes, within their lengths.
PATTERNED = {
    "AliasNameType": "alias/a b",
    "BackingKeyIdType": "g" * 64,
    "GrantConstraintSourceArnType": "a" * 30,
    "GrantNameType": "a b",
    "KeyMaterialDescriptionType": "a#b",
    "MarkerType": "\u0100",
    "PolicyNameType": "a b",
    "PolicyType": "\u0100",
    "PrincipalIdType": "a b",
    "ServicePrincipalType": "a b",
}


@dataclass(frozen=True)
class Case:
    """One bad request and what AWS says to it."""

    name: str
    request: dict | bytes
    codes: frozenset[str]
    path: str | None = None

    def complaint(self, answer) -> str | None:
        """What is wrong with the answer; None if it's AWS's."""
        if answer.status != 400 or answer.code not in self.codes:
            return f"{answer.status} {answer.body[:300]!r} instead of {sorted(self.codes)}"
        if answer.code == VALIDATION and self.path:
            text = answer.message or ""
            violations = VIOLATION.findall(text)
            count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
            if not violations or text != f"{count} detected: {'; '.join(violations)}":
                return f"the text is {text!r}"
            if f" at '{self.path}' failed to satisfy constraint: Member must " not in text:
                return f"the text doesn't name {self.path}: {text!r}"
        return None


@dataclass(frozen=True)
class Catalogue:
    """A service's operations, with a good request of each."""

    service: str
    valid: dict[str, dict]
    samples: dict[str, object]
    # Operations that are refused whatever is asked.
    refused_as_a_whole: dict[str, dict]
    # What botocore's model has gained since the behaviour that this server follows.
    unknown_operations: frozenset[str]
    unknown_members: frozenset[str]
    # Members whose values can't be given beside the valid request's others; what must go then.
    instead_of: dict[tuple[str, str], list[str]]

    @property
    def model(self) -> botocore.model.ServiceModel:
        """What botocore knows of the service."""
        return botocore.session.get_session().get_service_model(self.service)

    def operations(self) -> dict[str, dict]:
        """Every operation of the model that this server follows, with a good request."""
        both = self.valid | self.refused_as_a_whole
        assert set(self.model.operation_names) == set(both) | self.unknown_operations, "botocore's model has changed"
        return both

    def input(self, operation: str) -> botocore.model.StructureShape:
        """The shape of an operation's request."""
        return self.model.operation_model(operation).input_shape

    def members_of(self, operation: str) -> list[str]:
        """The members of an operation's request that this server follows."""
        return [name for name in self.input(operation).members if name not in self.unknown_members]

    def with_member(self, operation: str, member: str, value: object) -> dict:
        """The valid request with one member given, without what excludes it."""
        request = copy.deepcopy(self.operations()[operation])
        for excluded in self.instead_of.get((operation, member), ()):
            request.pop(excluded, None)
        request[member] = value
        return request

    def broken_members(self, operation: str, member: str) -> list[Case]:
        """Each way to break one member of an operation's request, nested members too."""
        shape = self.input(operation)
        cases: list[Case] = []
        valid = self.operations()[operation]
        sample = valid[member] if member in valid else self.samples[member]
        request = self.with_member(operation, member, copy.deepcopy(sample))
        if member in shape.required_members:
            without = {name: value for name, value in request.items() if name != member}
            path = wire_path([member])
            cases.append(Case("missing", without, frozenset({VALIDATION}), path))
            cases.append(Case("null", request | {member: None}, frozenset({VALIDATION}), path))
        cases += broken_values(request, [member], shape.members[member])
        return cases


def wire_path(steps: list) -> str:
    """A member's path as validation messages write it."""
    parts = []
    for step in steps:
        parts.append(f"{step + 1}.member" if isinstance(step, int) else step[0].lower() + step[1:])
    return ".".join(parts)


def replaced(request: dict, steps: list, value: object) -> dict:
    """The request with one value replaced, deep copied."""
    made = copy.deepcopy(request)
    target = made
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = value
    return made


def broken_values(request: dict, steps: list, shape: botocore.model.Shape) -> list[Case]:
    """Each way to break the value at `steps`, and what lies in it."""
    where = wire_path(steps)
    cases = []
    for kind, value in JSON_VALUES.items():
        if kind not in ACCEPTED_KINDS[shape.type_name]:
            if kind == "list" and isinstance(steps[-1], int):
                value = [["text"]]
            if kind in {"list", "object"} and shape.name in SENSITIVE:
                value = [MARK] if kind == "list" else {MARK: MARK}
            cases.append(
                Case(f"{where} as {kind}", replaced(request, steps, value), frozenset({SERIALIZATION}))
            )

    def constraint(name: str, value: object, codes: set[str] | None = None) -> None:
        # A bad element of a plain list is told at the list's path.
        path = wire_path(steps[:-1]) if is_element else where
        cases.append(
            Case(f"{where} {name}", replaced(request, steps, value), frozenset(codes or {VALIDATION}), path)
        )

    is_element = isinstance(steps[-1], int)
    limits = shape.metadata
    leaf = steps[-1]
    match shape.type_name:
        case "string":
            filler = "eu-west-1" if shape.name == "RegionType" else "a"
            if shape.name in SENSITIVE:
                filler = MARK
            if limits.get("max"):
                long = (filler * (limits["max"] + 1))[: limits["max"] + 1]
                if shape.name == "RegionType":
                    long = "a-" * (limits["max"] // 2) + "a1"
                constraint("too long", long)
            if limits.get("min"):
                # An empty value may be refused as no value at all.
                codes = {VALIDATION, "InvalidRequestException"} if leaf == "SecretString" else None
                constraint("empty", "", codes)
                if limits["min"] > 1:
                    constraint("too short", (filler * limits["min"])[: limits["min"] - 1])
            if shape.enum:
                constraint("out of its enum", "nothing-of-the-kind")
            if shape.name == "FilterValueStringType":
                constraint("out of its pattern", "a#b")
            elif shape.name in PATTERNED:
                constraint("out of its pattern", PATTERNED[shape.name])
            if shape.name == "RotationTokenType":
                constraint("out of its pattern", "r" * 36 + "#")
            if shape.name == "RegionType":
                constraint("out of its pattern", "Nowhere")
            if shape.name in {"NameType", "SecretIdType"} and not is_element:
                # The service's own check, with its own words: no path.
                cases.append(
                    Case(
                        f"{where} with other characters",
                        replaced(request, steps, "a b"),
                        frozenset({VALIDATION}),
                    )
                )
            cases.append(
                Case(
                    f"{where} with half a surrogate pair",
                    json.dumps(replaced(request, steps, "HALF")).replace('"HALF"', '"\\ud800"').encode(),
                    frozenset({SERIALIZATION, VALIDATION, "InvalidParameterException"}),
                )
            )
        case "blob":
            constraint("too long", base64.b64encode((MARK.encode() * limits["max"])[: limits["max"] + 1]).decode())
            constraint("empty", "", {VALIDATION, "InvalidRequestException"})
            for name, value in (
                ("with other characters", MARK + "!!!!"),
                ("without its padding", "YQ"),
                ("of one character", "Y"),
                ("with the padding in front", "==YQ"),
            ):
                cases.append(
                    Case(
                        f"{where} {name}", replaced(request, steps, value), frozenset({SERIALIZATION})
                    )
                )
        case "integer" | "long":
            for name, limit, step in (("too large", limits.get("max"), 1), ("too small", limits.get("min"), -1)):
                if limit is not None:
                    constraint(name, limit + step)
            cases.append(
                Case(
                    f"{where} beyond 64 bits",
                    json.dumps(replaced(request, steps, "HUGE")).replace('"HUGE"', "1" + "0" * 400).encode(),
                    frozenset({SERIALIZATION, VALIDATION}),
                )
            )
            if shape.name == "RecoveryWindowInDaysType":
                cases += [
                    Case(f"{where} {days}", replaced(request, steps, days), frozenset({"InvalidParameterException"}))
                    for days in (6, 31, -1, 0)
                ]
        case "list":
            value = request
            for step in steps:
                value = value[step]
            if limits.get("min"):
                constraint("empty", [])
            if limits.get("max"):
                constraint("too long", [value[0]] * (limits["max"] + 1))
            cases += broken_values(request, [*steps, 0], shape.member)
        case "structure":
            value = request
            for step in steps:
                value = value[step]
            for name, member in shape.members.items():
                if name in value:
                    cases += broken_values(request, [*steps, name], member)
        case "map":
            for kind, value in JSON_VALUES.items():
                if kind != "string":
                    cases.append(
                        Case(f"{where} of {kind}", replaced(request, steps, {"k": value}), frozenset({SERIALIZATION}))
                    )
    return cases


def accepted_variants(operation: str, member: str) -> list[tuple[str, dict]]:
    """Requests that must do just what the valid one does: the member null where it's optional, and
    members that the model doesn't know."""
    shape = SECRETS_MANAGER.input(operation)
    variants = []
    needed = {
        "PutSecretValue": {"ClientRequestToken", "SecretString", "SecretBinary"},
        "UpdateSecretVersionStage": {"MoveToVersionId"},
    }
    needed = needed.get(operation, {"ClientRequestToken", "SecretString"})
    if member not in shape.required_members and member not in needed:
        variants.append((f"{member} null", SECRETS_MANAGER.with_member(operation, member, None)))
    return variants


SECRETS_MANAGER = Catalogue(
    service="secretsmanager",
    valid=VALID,
    samples=SAMPLES,
    refused_as_a_whole=REFUSED_AS_A_WHOLE,
    unknown_operations=UNKNOWN_OPERATIONS,
    unknown_members=UNKNOWN_MEMBERS,
    instead_of=INSTEAD_OF,
)

DEEP = 10_000
# name: (body, codes). A body that is no JSON object is a SerializationException in every operation.
BROKEN_BODIES: dict[str, bytes] = {
    "text": b"not json",
    "an open brace": b"{",
    "a closed brace": b"}",
    "a member without a value": b'{"SecretId":}',
    "a member without a colon": b'{"SecretId" "s"}',
    "a comma too many": b'{"SecretId":"s",}',
    "single quotes": b"{'SecretId':'s'}",
    "a comment": b'{"SecretId":"s"/* comment */}',
    "a bare word": b'{"SecretId":s}',
    "not a number": b'{"MaxResults":NaN}',
    "infinity": b'{"MaxResults":Infinity}',
    "a number with a leading zero": b'{"MaxResults":01}',
    "an unknown escape": b'{"SecretId":"\\x41"}',
    "a bare line end in a string": b'{"SecretId":"a\nb"}',
    "a list": b"[]",
    "a list of requests": b'[{"SecretId":"s"}]',
    "a string": b'"SecretId"',
    "a number": b"7",
    "a boolean": b"true",
    "null": b"null",
    "bytes that are no UTF-8": b'{"SecretId":"\xff\xfe"}',
    "an overlong encoding": b'{"SecretId":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"SecretId":"\xed\xa0\x80"}',
    "UTF-16": '{"SecretId":"s"}'.encode("utf-16"),
    "UTF-32": '{"SecretId":"s"}'.encode("utf-32"),
    "text after the end": b'{"SecretId":"s"} trailing',
    "two requests": b'{"SecretId":"s"}{"SecretId":"s"}',
    "binary": bytes(range(256)),
    "zero bytes": b"\x00" * 100,
    "lists nested too deep": b'{"SecretId":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "objects nested too deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "an unknown member nested too deep": b'{"SecretId":"' + NAME.encode() + b'","x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "nesting that doesn't end": b"[" * DEEP,
    "a value cut off": f'{{"SecretId":"{NAME}","SecretString":"{MARK}'.encode(),
    "a value of a wrong type": f'{{"SecretId":["{MARK}"],"Name":["{MARK}"]}}'.encode(),
}
