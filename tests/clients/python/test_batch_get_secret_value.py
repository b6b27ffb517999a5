"""BatchGetSecretValue: by list or by filters, with each secret's own error."""

from __future__ import annotations

import pytest

from aws import all_pages, members, partial_arn, refused


@pytest.fixture
def three(sm):
    """prod/a and prod/b with values, dev/c binary."""
    sm.create_secret(Name="prod/a", SecretString="a", Tags=[{"Key": "env", "Value": "prod"}])
    sm.create_secret(Name="prod/b", SecretString="b")
    sm.create_secret(Name="dev/c", SecretBinary=b"c")
    return sm


def test_values_come_as_from_a_single_read(three):
    answer = three.batch_get_secret_value(SecretIdList=["prod/a", "dev/c"])
    assert "NextToken" not in answer and not answer.get("Errors")
    values = {value["Name"]: value for value in answer["SecretValues"]}
    for name in ("prod/a", "dev/c"):
        single = three.get_secret_value(SecretId=name)
        assert {k: single[k] for k in members(single)} == values[name]


def test_any_form_of_id_is_accepted(three):
    arn = three.describe_secret(SecretId="prod/a")["ARN"]
    answer = three.batch_get_secret_value(SecretIdList=[arn, partial_arn(three.describe_secret(SecretId="prod/b")["ARN"])])
    assert {value["Name"] for value in answer["SecretValues"]} == {"prod/a", "prod/b"}


def test_the_current_version_is_read(three):
    three.put_secret_value(SecretId="prod/a", SecretString="new")
    answer = three.batch_get_secret_value(SecretIdList=["prod/a"])
    assert answer["SecretValues"][0]["SecretString"] == "new"
    assert answer["SecretValues"][0]["VersionStages"] == ["AWSCURRENT"]


def test_each_failure_is_told_beside_what_was_read(three):
    three.create_secret(Name="empty")
    three.create_secret(Name="gone", SecretString="x")
    three.delete_secret(SecretId="gone")
    answer = three.batch_get_secret_value(SecretIdList=["prod/a", "missing", "gone", "empty"])
    assert [value["Name"] for value in answer["SecretValues"]] == ["prod/a"]
    errors = {error["SecretId"]: (error["ErrorCode"], error["Message"]) for error in answer["Errors"]}
    assert errors == {
        "missing": ("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        "gone": (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ),
        "empty": (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
        ),
    }


def test_reading_many_counts_as_access(three):
    three.batch_get_secret_value(SecretIdList=["prod/a"])
    assert "LastAccessedDate" in three.describe_secret(SecretId="prod/a")
    assert "LastAccessedDate" not in three.describe_secret(SecretId="prod/b")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([{"Key": "name", "Values": ["prod"]}], {"prod/a", "prod/b"}),
        ([{"Key": "tag-key", "Values": ["env"]}], {"prod/a"}),
        ([{"Key": "name", "Values": ["!prod"]}], {"dev/c"}),
        ([{"Key": "name", "Values": ["nothing"]}], set()),
    ],
)
def test_filters_choose_as_in_a_listing(three, filters, expected):
    answer = three.batch_get_secret_value(Filters=filters)
    assert {value["Name"] for value in answer.get("SecretValues", [])} == expected


def test_filters_pass_over_deleted_secrets(three):
    three.delete_secret(SecretId="prod/b")
    answer = three.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["prod"]}])
    assert [value["Name"] for value in answer["SecretValues"]] == ["prod/a"]
    assert not answer.get("Errors")


def test_filters_come_in_pages(sm):
    for number in range(45):
        sm.create_secret(Name=f"s/{number:02}", SecretString=str(number))
    filters = [{"Key": "name", "Values": ["s/"]}]
    first = sm.batch_get_secret_value(Filters=filters)
    assert len(first["SecretValues"]) <= 20 and first["NextToken"]
    for size in (1, 7, 20):
        pages = list(all_pages(sm.batch_get_secret_value, Filters=filters, MaxResults=size))
        assert all(len(page["SecretValues"]) <= size for page in pages)
        values = [value["SecretString"] for page in pages for value in page["SecretValues"]]
        assert len(values) == 45 and set(values) == {str(number) for number in range(45)}


def test_a_bad_token_is_refused(three):
    with refused("InvalidNextTokenException"):
        three.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["prod"]}], NextToken="nonsense")


EITHER = "Either 'SecretIdList' or 'Filters' must be provided, but not both."
FILTERS = [{"Key": "name", "Values": ["prod"]}]
REFUSED = {
    "neither list nor filters": ({}, EITHER),
    "both list and filters": ({"SecretIdList": ["prod/a"], "Filters": FILTERS}, EITHER),
    "a size without filters": (
        {"SecretIdList": ["prod/a"], "MaxResults": 5},
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(three, case):
    parameters, text = REFUSED[case]
    with refused("InvalidParameterException", text):
        three.batch_get_secret_value(**parameters)


def test_no_more_than_twenty_at_once(three):
    three.batch_get_secret_value(SecretIdList=[f"s{number}" for number in range(20)])
    with refused("ValidationException"):
        three.batch_get_secret_value(SecretIdList=[f"s{number}" for number in range(21)])
    with refused("ValidationException"):
        three.batch_get_secret_value(Filters=FILTERS, MaxResults=21)
