"""TagResource and UntagResource."""

from __future__ import annotations

import pytest

from aws import refused


@pytest.fixture
def tagged(sm):
    """One secret with the tags a=1 and b=2."""
    sm.create_secret(Name="s", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    return sm


def tags(sm) -> dict[str, str]:
    """The secret's tags."""
    return {tag["Key"]: tag["Value"] for tag in sm.describe_secret(SecretId="s").get("Tags", [])}


def test_tags_are_merged_and_overwritten(tagged):
    tagged.tag_resource(SecretId="s", Tags=[{"Key": "b", "Value": "two"}, {"Key": "c", "Value": ""}])
    assert tags(tagged) == {"a": "1", "b": "two", "c": ""}


def test_tags_are_removed_by_key_and_unknown_keys_ignored(tagged):
    tagged.untag_resource(SecretId="s", TagKeys=["a", "unknown"])
    assert tags(tagged) == {"b": "2"}
    tagged.untag_resource(SecretId="s", TagKeys=["b"])
    assert "Tags" not in tagged.describe_secret(SecretId="s")


def test_keys_differ_by_case(tagged):
    tagged.tag_resource(SecretId="s", Tags=[{"Key": "A", "Value": "upper"}])
    assert tags(tagged) == {"a": "1", "b": "2", "A": "upper"}


def test_the_answer_is_empty(tagged, wire):
    for operation, request in (
        ("TagResource", {"SecretId": "s", "Tags": [{"Key": "k", "Value": "v"}]}),
        ("UntagResource", {"SecretId": "s", "TagKeys": ["k"]}),
    ):
        answer = wire.call(operation, request)
        assert (answer.status, answer.body) in ((200, b""), (200, b"{}"))


def test_unicode_tags_are_kept(tagged):
    tagged.tag_resource(SecretId="s", Tags=[{"Key": "Größe", "Value": "日本"}])
    assert tags(tagged)["Größe"] == "日本"


REFUSED = {
    "a reserved key": ([{"Key": "aws:x", "Value": "1"}], {"InvalidParameterException"}),
    "a key twice": ([{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}], {"InvalidParameterException"}),
    "more than fifty in all": (
        [{"Key": f"k{number}", "Value": ""} for number in range(49)],
        {"InvalidParameterException", "LimitExceededException"},
    ),
    "a key of 129 characters": ([{"Key": "k" * 129, "Value": ""}], {"ValidationException"}),
    "a value of 257 characters": ([{"Key": "k", "Value": "v" * 257}], {"ValidationException"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(tagged, case):
    given, codes = REFUSED[case]
    with refused(codes):
        tagged.tag_resource(SecretId="s", Tags=given)
    assert tags(tagged) == {"a": "1", "b": "2"}


def test_fifty_in_all_are_accepted(tagged):
    tagged.tag_resource(SecretId="s", Tags=[{"Key": f"k{number}", "Value": ""} for number in range(48)])
    assert len(tags(tagged)) == 50
    tagged.tag_resource(SecretId="s", Tags=[{"Key": "a", "Value": "overwritten"}])
    assert tags(tagged)["a"] == "overwritten"


def test_a_missing_secret_is_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.tag_resource(SecretId="nothing", Tags=[{"Key": "k", "Value": "v"}])
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.untag_resource(SecretId="nothing", TagKeys=["k"])
