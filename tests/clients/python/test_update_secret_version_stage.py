"""UpdateSecretVersionStage: the whole decision table, and rollback."""

from __future__ import annotations

import pytest

from aws import members, refused, stages

V1, V2, V3 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3))
NOWHERE = "9" * 32


@pytest.fixture
def three(sm):
    """V1 previous, V2 current and `blue`, V3 pending."""
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    sm.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=V3, VersionStages=["AWSPENDING"])
    sm.update_secret_version_stage(SecretId="s", VersionStage="blue", MoveToVersionId=V2)
    return sm


BEFORE = {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT", "blue"}, V3: {"AWSPENDING"}}


def needs_remove(label: str, holder: str) -> str:
    """AWS's words for a move that doesn't say where the label is."""
    return (
        f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to "
        f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
    )


# label, RemoveFromVersionId, MoveToVersionId, the labels afterwards
ACCEPTED = {
    "a label that nothing holds is attached": ("red", None, V1, {**BEFORE, V1: {"AWSPREVIOUS", "red"}}),
    "a label that the target holds stays": ("blue", None, V2, BEFORE),
    "AWSCURRENT that the target holds stays": ("AWSCURRENT", None, V2, BEFORE),
    "an own label moves": (
        "blue",
        V2,
        V3,
        {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"AWSPENDING", "blue"}},
    ),
    "AWSCURRENT moves and AWSPREVIOUS follows": (
        "AWSCURRENT",
        V2,
        V3,
        {V2: {"AWSPREVIOUS", "blue"}, V3: {"AWSCURRENT", "AWSPENDING"}},
    ),
    "AWSCURRENT moves back and the two labels swap": (
        "AWSCURRENT",
        V2,
        V1,
        {V1: {"AWSCURRENT"}, V2: {"AWSPREVIOUS", "blue"}, V3: {"AWSPENDING"}},
    ),
    "AWSPREVIOUS can be moved by hand": (
        "AWSPREVIOUS",
        V1,
        V3,
        {V2: {"AWSCURRENT", "blue"}, V3: {"AWSPENDING", "AWSPREVIOUS"}},
    ),
    "AWSPENDING can be removed": ("AWSPENDING", V3, None, {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT", "blue"}}),
    "AWSPREVIOUS can be removed": ("AWSPREVIOUS", V1, None, {V2: {"AWSCURRENT", "blue"}, V3: {"AWSPENDING"}}),
    "an own label can be removed": ("blue", V2, None, {**BEFORE, V2: {"AWSCURRENT"}}),
    "from and to the holder changes nothing": ("blue", V2, V2, BEFORE),
    "AWSCURRENT from and to its holder changes nothing": ("AWSCURRENT", V2, V2, BEFORE),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts(three, case):
    label, remove, move, expected = ACCEPTED[case]
    parameters = {"RemoveFromVersionId": remove, "MoveToVersionId": move}
    answer = three.update_secret_version_stage(
        SecretId="s", VersionStage=label, **{k: v for k, v in parameters.items() if v}
    )
    assert members(answer) == {"ARN", "Name"}
    assert stages(three, "s") == expected


INVALID = "InvalidParameterException"
# label, RemoveFromVersionId, MoveToVersionId, codes, text
REFUSED = {
    "neither from nor to": ("blue", None, None, {INVALID, "InvalidRequestException"}, None),
    "AWSCURRENT without from": ("AWSCURRENT", None, V3, INVALID, needs_remove("AWSCURRENT", V2)),
    "AWSPENDING without from": ("AWSPENDING", None, V1, INVALID, needs_remove("AWSPENDING", V3)),
    "an own label without from": ("blue", None, V1, INVALID, needs_remove("blue", V2)),
    "from a version that does not hold it": ("blue", V1, V3, INVALID, None),
    "AWSCURRENT from a version that does not hold it": ("AWSCURRENT", V1, V3, INVALID, None),
    "from a version while nothing holds it": ("red", V1, V3, INVALID, None),
    "removing AWSCURRENT": (
        "AWSCURRENT",
        V2,
        None,
        INVALID,
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.",
    ),
    "removing from a version that does not hold it": ("blue", V1, None, INVALID, None),
    "removing what nothing holds": ("red", V1, None, INVALID, None),
    "to a version that is not there": (
        "red", None, NOWHERE, {INVALID, "ResourceNotFoundException"}, None
    ),
    "AWSCURRENT to a version that is not there": (
        "AWSCURRENT", V2, NOWHERE, {INVALID, "ResourceNotFoundException"}, None
    ),
    "from a version that is not there": (
        "blue", NOWHERE, V3, {INVALID, "ResourceNotFoundException"}, None
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(three, case):
    label, remove, move, codes, text = REFUSED[case]
    parameters = {"RemoveFromVersionId": remove, "MoveToVersionId": move}
    with refused(codes, text):
        three.update_secret_version_stage(
            SecretId="s", VersionStage=label, **{k: v for k, v in parameters.items() if v}
        )
    assert stages(three, "s") == BEFORE


def test_rollback_and_forward_again(sm):
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.update_secret(SecretId="s", SecretString="two", ClientRequestToken=V2)
    for current, previous, value in ((V1, V2, "one"), (V2, V1, "two"), (V1, V2, "one")):
        sm.update_secret_version_stage(
            SecretId="s", VersionStage="AWSCURRENT", RemoveFromVersionId=previous, MoveToVersionId=current
        )
        assert stages(sm, "s") == {current: {"AWSCURRENT"}, previous: {"AWSPREVIOUS"}}
        assert sm.get_secret_value(SecretId="s")["SecretString"] == value


def test_the_worked_example_of_the_documentation(sm):
    """Each step of the reference's example, in one history."""
    v4 = "version-4-of-this-secret-0123456789"
    sm.create_secret(Name="s", SecretString="one", ClientRequestToken=V1)
    sm.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=V2)
    assert stages(sm, "s") == {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}}
    sm.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=V3, VersionStages=["AWSPENDING"])
    assert stages(sm, "s") == {V1: {"AWSPREVIOUS"}, V2: {"AWSCURRENT"}, V3: {"AWSPENDING"}}

    def stage(label, **parameters):
        sm.update_secret_version_stage(SecretId="s", VersionStage=label, **parameters)

    stage("AWSCURRENT", RemoveFromVersionId=V2, MoveToVersionId=V3)
    assert stages(sm, "s") == {V2: {"AWSPREVIOUS"}, V3: {"AWSCURRENT", "AWSPENDING"}}
    stage("AWSPENDING", RemoveFromVersionId=V3)
    stage("AWSCURRENT", RemoveFromVersionId=V3, MoveToVersionId=V2)
    assert stages(sm, "s") == {V2: {"AWSCURRENT"}, V3: {"AWSPREVIOUS"}}
    stage("X", MoveToVersionId=V1)
    assert stages(sm, "s") == {V1: {"X"}, V2: {"AWSCURRENT"}, V3: {"AWSPREVIOUS"}}
    stage("X", RemoveFromVersionId=V1)
    assert stages(sm, "s") == {V2: {"AWSCURRENT"}, V3: {"AWSPREVIOUS"}}
    sm.put_secret_value(
        SecretId="s", SecretString="four", ClientRequestToken=v4, VersionStages=["X", "AWSCURRENT"]
    )
    assert stages(sm, "s") == {V2: {"AWSPREVIOUS"}, v4: {"AWSCURRENT", "X"}}


def test_a_version_that_lost_its_last_label_is_still_readable_by_id(three):
    three.update_secret_version_stage(SecretId="s", VersionStage="AWSPENDING", RemoveFromVersionId=V3)
    got = three.get_secret_value(SecretId="s", VersionId=V3)
    assert got["SecretString"] == "three" and "VersionStages" not in got
    listed = three.list_secret_version_ids(SecretId="s")["Versions"]
    assert V3 not in {version["VersionId"] for version in listed}


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.update_secret_version_stage(SecretId="s", VersionStage="blue", MoveToVersionId=V1)
