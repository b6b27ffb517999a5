"""ListSecrets: filters, order and pages."""

from __future__ import annotations

import pytest

from aws import all_pages, members, refused, token

SECRETS = {
    # name: (description, tags)
    "prod/db": ("Production database password", {"env": "prod", "Team": "Core"}),
    "prod/api": ("API key of the payment provider", {"env": "prod", "owner": "payments"}),
    "dev/db": ("Database of the developers", {"env": "dev"}),
    "dev/credsDatabase892": (None, {"stage": "Alpha"}),
    "Prod/upper": ("Written in capitals", {"ENV": "PROD"}),
    "test": ("prod like", {}),
}


@pytest.fixture(scope="module")
def populated(shared_server, shared_sm):
    """The secrets above; the tests of this group only read."""
    shared_server.reset()
    for name, (description, tags) in SECRETS.items():
        parameters = {"Description": description} if description else {}
        shared_sm.create_secret(
            Name=name,
            SecretString="v",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            **parameters,
        )
    return shared_sm


def names(sm, **parameters) -> list[str]:
    """The names in listed order, over all pages."""
    pages = sm.get_paginator("list_secrets").paginate(**parameters)
    return [secret["Name"] for page in pages for secret in page["SecretList"]]


def by(key: str, *values: str) -> dict:
    """One filter."""
    return {"Key": key, "Values": list(values)}


FILTERS = {
    "a name by its prefix": ([by("name", "prod")], {"prod/db", "prod/api"}),
    "a name by its whole": ([by("name", "test")], {"test"}),
    "a name with its case": ([by("name", "Prod")], {"Prod/upper"}),
    "not by the middle of a name": ([by("name", "db")], set()),
    "a name that is not so": ([by("name", "!prod")], {"dev/db", "dev/credsDatabase892", "Prod/upper", "test"}),
    "a name that does not start so, though it holds it": ([by("name", "!db")], set(SECRETS)),
    "a name by its prefix, beside a key": ([by("tag-key", "env"), by("name", "db")], set()),
    "one name or another": ([by("name", "prod/d", "dev/d")], {"prod/db", "dev/db"}),
    "one name but not another": ([by("name", "prod", "!prod/d")], {"prod/api"}),
    "a description by one word": ([by("description", "database")], {"prod/db", "dev/db"}),
    "a description by the start of a word": ([by("description", "data")], {"prod/db", "dev/db"}),
    "not by the middle of a word": ([by("description", "base")], set()),
    "a description by all words in any order": ([by("description", "password production")], {"prod/db"}),
    "a description without one of the words": ([by("description", "password provider")], set()),
    "a description in any case": ([by("description", "DATABASE")], {"prod/db", "dev/db"}),
    "a description that is not so": (
        [by("description", "!database")],
        {"prod/api", "dev/credsDatabase892", "Prod/upper", "test"},
    ),
    "a tag's key": ([by("tag-key", "env")], {"prod/db", "prod/api", "dev/db"}),
    "a tag's key by its prefix": ([by("tag-key", "e")], {"prod/db", "prod/api", "dev/db"}),
    "a tag's key with its case": ([by("tag-key", "ENV")], {"Prod/upper"}),
    "no such tag key": ([by("tag-key", "!env")], {"dev/credsDatabase892", "Prod/upper", "test"}),
    "a tag's value": ([by("tag-value", "prod")], {"prod/db", "prod/api"}),
    "a tag's value by its prefix": ([by("tag-value", "pa")], {"prod/api"}),
    "a tag's value with its case": ([by("tag-value", "Prod")], set()),
    "no such tag value": (
        [by("tag-value", "!prod")],
        {"dev/db", "dev/credsDatabase892", "Prod/upper", "test"},
    ),
    "two keys, both must hold": ([by("name", "prod"), by("tag-key", "owner")], {"prod/api"}),
    "two keys, one fails": ([by("name", "dev"), by("tag-value", "prod")], set()),
    "a primary region that no secret has": ([by("primary-region", "us")], set()),
    "an owning service that no secret has": ([by("owning-service", "rds")], set()),
    "all: a name": ([by("all", "upper")], {"Prod/upper"}),
    "all: a tag's key, value, name or description": (
        [by("all", "prod")],
        {"prod/db", "prod/api", "Prod/upper", "test"},
    ),
    "all: a tag's value in any case": ([by("all", "alpha")], {"dev/credsDatabase892"}),
    "all: a tag's key": ([by("all", "owner")], {"prod/api"}),
    "all: words of one description": ([by("all", "payment key")], {"prod/api"}),
    "all: words of different attributes": ([by("all", "payments key")], set()),
    "all: split at special characters, capitals and digits": (
        [by("all", "credsDatabase:892")],
        {"dev/credsDatabase892"},
    ),
    "all: split where the case changes": ([by("all", "Database892")], {"dev/credsDatabase892"}),
    "all: not so": ([by("all", "!prod")], {"dev/db", "dev/credsDatabase892"}),
}


@pytest.mark.parametrize("case", FILTERS)
def test_finds(populated, case):
    filters, expected = FILTERS[case]
    found = names(populated, Filters=filters)
    assert set(found) == expected
    assert len(found) == len(expected)


def test_an_empty_answer_is_a_list(populated):
    answer = populated.list_secrets(Filters=[by("name", "nothing")])
    assert members(answer) == {"SecretList"} and answer["SecretList"] == []


def test_filters_without_key_or_values_are_refused(populated, wire_of_populated):
    for filters, text in (
        ([{"Values": ["a"]}], "Invalid filter key"),
        ([{"Key": "name"}], "Invalid filter values for key: name"),
    ):
        answer = wire_of_populated.call("ListSecrets", {"Filters": filters})
        assert (answer.status, answer.code, answer.message) == (400, "InvalidParameterException", text)


@pytest.fixture
def wire_of_populated(populated, shared_wire):
    """Raw HTTP beside the populated account."""
    return shared_wire


def test_an_unknown_key_is_refused(populated):
    with refused("ValidationException"):
        populated.list_secrets(Filters=[by("colour", "red")])


@pytest.mark.parametrize("value", ["a#b", "ü", "a,b", "(x)", "a\tb"])
def test_a_value_with_other_characters_is_refused(populated, value):
    with refused("ValidationException"):
        populated.list_secrets(Filters=[by("name", value)])


def test_no_more_than_ten_filters_and_ten_values(populated):
    populated.list_secrets(Filters=[by("name", *["a"] * 10)] * 10)
    with refused("ValidationException"):
        populated.list_secrets(Filters=[by("name", "a")] * 11)
    with refused("ValidationException"):
        populated.list_secrets(Filters=[by("name", *["a"] * 11)])


# What is listed, and in which order.


def test_an_entry_is_a_description_without_the_values(sm):
    sm.create_secret(Name="bare")
    sm.create_secret(
        Name="full", SecretString="v", Description="d", Tags=[{"Key": "k", "Value": "v"}],
        ClientRequestToken="t" * 32,
    )
    listed = {entry["Name"]: entry for entry in sm.list_secrets()["SecretList"]}
    assert set(listed["bare"]) == {"ARN", "Name", "CreatedDate", "LastChangedDate"}
    assert set(listed["full"]) == {
        "ARN",
        "Name",
        "CreatedDate",
        "LastChangedDate",
        "Description",
        "Tags",
        "SecretVersionsToStages",
    }
    assert listed["full"]["SecretVersionsToStages"] == {"t" * 32: ["AWSCURRENT"]}
    described = sm.describe_secret(SecretId="full")
    for name in ("ARN", "CreatedDate", "LastChangedDate", "Description", "Tags"):
        assert listed["full"][name] == described[name]


def test_what_is_to_be_deleted_is_listed_on_request(sm):
    sm.create_secret(Name="stays", SecretString="v")
    sm.create_secret(Name="goes", SecretString="v")
    deletion = sm.delete_secret(SecretId="goes")["DeletionDate"]
    assert names(sm) == ["stays"]
    assert names(sm, IncludePlannedDeletion=False) == ["stays"]
    assert set(names(sm, IncludePlannedDeletion=True)) == {"stays", "goes"}
    entry = sm.list_secrets(IncludePlannedDeletion=True, Filters=[by("name", "goes")])["SecretList"][0]
    assert entry["DeletedDate"] == deletion


@pytest.fixture
def ordered(server, sm):
    """Created b, a, c; changed a last, then c; accessed c first, b a day later, a never."""
    for name in "bac":
        sm.create_secret(Name=name, SecretString="v")
        server.advance(seconds=10)
    sm.update_secret(SecretId="c", Description="changed")
    server.advance(seconds=10)
    sm.update_secret(SecretId="a", Description="changed")
    sm.get_secret_value(SecretId="c")
    server.advance(days=1)
    sm.get_secret_value(SecretId="b")
    return sm


ORDERS = {
    "newest first unless asked": ({}, "cab"),
    "created, ascending": ({"SortBy": "created-date", "SortOrder": "asc"}, "bac"),
    "created, descending": ({"SortBy": "created-date", "SortOrder": "desc"}, "cab"),
    "oldest first": ({"SortOrder": "asc"}, "bac"),
    "changed, ascending": ({"SortBy": "last-changed-date", "SortOrder": "asc"}, "bca"),
    "changed, descending": ({"SortBy": "last-changed-date", "SortOrder": "desc"}, "acb"),
    "names, ascending": ({"SortBy": "name", "SortOrder": "asc"}, "abc"),
    "names, descending": ({"SortBy": "name", "SortOrder": "desc"}, "cba"),
}


@pytest.mark.parametrize("case", ORDERS)
def test_orders(ordered, case):
    parameters, expected = ORDERS[case]
    assert "".join(names(ordered, **parameters)) == expected
    in_pages = names(ordered, PaginationConfig={"PageSize": 1}, **parameters)
    assert "".join(in_pages) == expected


def test_orders_by_access(ordered):
    ascending = names(ordered, SortBy="last-accessed-date", SortOrder="asc")
    assert [name for name in ascending if name != "a"] == ["c", "b"]
    descending = names(ordered, SortBy="last-accessed-date", SortOrder="desc")
    assert [name for name in descending if name != "a"] == ["b", "c"]
    assert len(ascending) == len(descending) == 3


# Pages.


@pytest.fixture(scope="module")
def many(shared_server, shared_sm):
    """250 secrets; the tests of this group only read."""
    shared_server.reset()
    for number in range(250):
        shared_sm.create_secret(Name=f"{'even' if number % 2 == 0 else 'odd'}/{number:03}")
    return shared_sm


def test_a_page_has_a_hundred_unless_asked(many):
    sizes = [len(page["SecretList"]) for page in many.get_paginator("list_secrets").paginate()]
    assert sizes == [100, 100, 50]


def test_the_last_page_has_no_token(many):
    answer = many.list_secrets(MaxResults=100, Filters=[by("name", "odd/00", "odd/01")])
    assert members(answer) == {"SecretList"}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_together_are_the_whole_in_order(many, size):
    filters = [by("name", "even/0", "odd/1")]
    whole = names(many, Filters=filters, SortBy="name", SortOrder="asc")
    paged = names(
        many, Filters=filters, SortBy="name", SortOrder="asc", PaginationConfig={"PageSize": size}
    )
    assert paged == whole
    assert len(whole) == 100


def test_a_bad_token_is_refused(many):
    good = many.list_secrets(MaxResults=10)["NextToken"]
    half = len(good) // 2
    flipped = good[:half] + ("A" if good[half] != "A" else "B") + good[half + 1 :]
    for bad in ("x", "nonsense", "A" * 4096, good[:-4], good + "A", flipped, "ü", "{}", "AAAA===="):
        with refused("InvalidNextTokenException"):
            many.list_secrets(MaxResults=10, NextToken=bad)
    assert len(many.list_secrets(MaxResults=10, NextToken=good)["SecretList"]) == 10


def test_a_token_belongs_to_its_question(many, shared_elsewhere, shared_stranger):
    good = many.list_secrets(MaxResults=10, Filters=[by("name", "even")], SortOrder="asc")["NextToken"]
    for other in (
        lambda: many.list_secrets(MaxResults=10, NextToken=good),
        lambda: many.list_secrets(NextToken=good, Filters=[by("name", "odd")], SortOrder="asc"),
        lambda: many.list_secrets(NextToken=good, Filters=[by("name", "even")], SortOrder="desc"),
        lambda: many.list_secrets(NextToken=good, Filters=[by("name", "even")], SortOrder="asc", SortBy="name"),
        lambda: many.batch_get_secret_value(NextToken=good, Filters=[by("name", "even")]),
        lambda: many.list_secret_version_ids(SecretId="even/000", NextToken=good),
        lambda: shared_elsewhere.list_secrets(NextToken=good, Filters=[by("name", "even")], SortOrder="asc"),
        lambda: shared_stranger.list_secrets(NextToken=good, Filters=[by("name", "even")], SortOrder="asc"),
    ):
        with refused("InvalidNextTokenException"):
            other()


def test_the_size_of_a_page_may_change_on_the_way(many):
    first = many.list_secrets(MaxResults=10)
    second = many.list_secrets(MaxResults=20, NextToken=first["NextToken"])
    assert len(second["SecretList"]) == 20
    seen = {entry["Name"] for entry in first["SecretList"]}
    assert not seen & {entry["Name"] for entry in second["SecretList"]}


def test_a_token_does_not_show_names(many):
    good = many.list_secrets(MaxResults=10)["NextToken"]
    assert "even" not in good and "odd" not in good
    assert 1 <= len(good) <= 4096


def test_changes_between_pages_leave_the_rest_listed_once(server, sm):
    for number in range(10):
        sm.create_secret(Name=f"s{number}")
        server.advance(seconds=1)
    first = sm.list_secrets(MaxResults=4, SortBy="name", SortOrder="asc")
    sm.delete_secret(SecretId="s0", ForceDeleteWithoutRecovery=True)
    sm.delete_secret(SecretId="s3", ForceDeleteWithoutRecovery=True)
    sm.create_secret(Name="s00")
    rest = sm.list_secrets(NextToken=first["NextToken"], SortBy="name", SortOrder="asc")
    assert [entry["Name"] for entry in first["SecretList"]] == ["s0", "s1", "s2", "s3"]
    assert [entry["Name"] for entry in rest["SecretList"]] == ["s4", "s5", "s6", "s7", "s8", "s9"]


def test_a_token_expires(server, sm):
    for name in "abc":
        sm.create_secret(Name=name)
    good = sm.list_secrets(MaxResults=1)["NextToken"]
    server.advance(hours=1)
    assert sm.list_secrets(MaxResults=1, NextToken=good)["SecretList"]
    server.advance(days=2)
    with refused("InvalidNextTokenException"):
        sm.list_secrets(MaxResults=1, NextToken=good)


# ListSecretVersionIds.

V1, V2, V3 = (f"version-{number}-of-this-secret-0123456789" for number in (1, 2, 3))


@pytest.fixture
def versions(server, sm):
    """V1 unlabelled, V2 previous, V3 current."""
    sm.create_secret(Name="s", SecretString="1", ClientRequestToken=V1)
    for version in (V2, V3):
        server.advance(seconds=5)
        sm.put_secret_value(SecretId="s", SecretString=version, ClientRequestToken=version)
    return sm


def test_versions_with_labels_are_listed_newest_first(versions):
    answer = versions.list_secret_version_ids(SecretId="s")
    assert members(answer) == {"ARN", "Name", "Versions"}
    assert [version["VersionId"] for version in answer["Versions"]] == [V3, V2]
    for version in answer["Versions"]:
        assert set(version) == {"VersionId", "VersionStages", "CreatedDate", "KmsKeyIds"}
        assert version["KmsKeyIds"] == ["DefaultEncryptionKey"]


def test_versions_without_labels_are_listed_on_request(versions):
    answer = versions.list_secret_version_ids(SecretId="s", IncludeDeprecated=True)
    assert [version["VersionId"] for version in answer["Versions"]] == [V3, V2, V1]
    assert "VersionStages" not in answer["Versions"][2]


def test_versions_come_in_pages(versions):
    pages = all_pages(
        versions.list_secret_version_ids, SecretId="s", IncludeDeprecated=True, MaxResults=1
    )
    listed = [version["VersionId"] for page in pages for version in page["Versions"]]
    assert listed == [V3, V2, V1]


def test_a_token_of_versions_belongs_to_its_secret_and_question(versions):
    versions.create_secret(Name="other", SecretString="v")
    good = versions.list_secret_version_ids(SecretId="s", MaxResults=1)["NextToken"]
    for other in (
        lambda: versions.list_secret_version_ids(SecretId="other", NextToken=good),
        lambda: versions.list_secret_version_ids(SecretId="s", IncludeDeprecated=True, NextToken=good),
        lambda: versions.list_secrets(NextToken=good),
        lambda: versions.list_secret_version_ids(SecretId="s", NextToken="nonsense"),
    ):
        with refused("InvalidNextTokenException"):
            other()
    assert versions.list_secret_version_ids(SecretId="s", NextToken=good)["Versions"][0]["VersionId"] == V2


def test_versions_of_a_missing_secret_are_not_found(sm):
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        sm.list_secret_version_ids(SecretId="nothing")


def test_a_hundred_and_one_is_too_many_for_a_page(unchecked):
    unchecked.create_secret(Name="s", SecretString="v", ClientRequestToken=token())
    for size in (0, 101):
        with refused("ValidationException"):
            unchecked.list_secrets(MaxResults=size)
        with refused("ValidationException"):
            unchecked.list_secret_version_ids(SecretId="s", MaxResults=size)
