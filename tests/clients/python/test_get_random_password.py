"""GetRandomPassword: length, classes of characters, and what can't be satisfied."""

from __future__ import annotations

import collections
import string

import pytest

from aws import members, refused

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
CLASSES = {
    "Numbers": set(string.digits),
    "Punctuation": set(PUNCTUATION),
    "Uppercase": set(string.ascii_uppercase),
    "Lowercase": set(string.ascii_lowercase),
}


def password(sm, **parameters) -> str:
    """A new password."""
    answer = sm.get_random_password(**parameters)
    assert members(answer) == {"RandomPassword"}
    return answer["RandomPassword"]


def test_a_password_has_32_characters_with_each_class(sm):
    for _ in range(50):
        made = password(sm)
        assert len(made) == 32
        for name, characters in CLASSES.items():
            assert set(made) & characters, f"{made} has no {name}"
        assert set(made) <= set().union(*CLASSES.values())


@pytest.mark.parametrize("length", [4, 5, 31, 64, 4096])
def test_the_length_is_as_asked(sm, length):
    assert len(password(sm, PasswordLength=length)) == length


@pytest.mark.parametrize("excluded", CLASSES)
def test_a_class_can_be_left_out(sm, excluded):
    made = password(sm, PasswordLength=500, **{f"Exclude{excluded}": True})
    assert not set(made) & CLASSES[excluded]
    for name, characters in CLASSES.items():
        if name != excluded:
            assert set(made) & characters


@pytest.mark.parametrize("kept", CLASSES)
def test_one_class_may_be_left(sm, kept):
    excluded = {f"Exclude{name}": True for name in CLASSES if name != kept}
    made = password(sm, PasswordLength=2000, **excluded)
    assert set(made) == CLASSES[kept]


def test_single_characters_can_be_left_out(sm):
    made = password(sm, PasswordLength=4000, ExcludeCharacters='abcXYZ019"\\/@é')
    assert not set(made) & set('abcXYZ019"\\/@')


def test_a_space_can_be_let_in_and_left_out_again(sm):
    assert " " in password(sm, PasswordLength=4000, IncludeSpace=True)
    assert " " not in password(sm, PasswordLength=4000)
    assert " " not in password(sm, PasswordLength=4000, IncludeSpace=True, ExcludeCharacters=" ")


def test_a_class_may_be_missing_where_none_is_required(sm):
    made = password(sm, PasswordLength=1, RequireEachIncludedType=False)
    assert len(made) == 1


def test_short_passwords_hold_each_class_once(sm):
    for _ in range(20):
        made = password(sm, PasswordLength=4)
        for characters in CLASSES.values():
            assert len(set(made) & characters) == 1


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_password_too_short_for_its_classes_is_refused(sm, length):
    with refused("InvalidParameterException", "Password length is too short based on the required types."):
        password(sm, PasswordLength=length)


UNSATISFIABLE = {
    "no class is left": {f"Exclude{name}": True for name in CLASSES},
    "no character is left": {
        "ExcludeUppercase": True,
        "ExcludeLowercase": True,
        "ExcludePunctuation": True,
        "ExcludeCharacters": string.digits,
    },
    "a required class is empty": {"ExcludeCharacters": string.digits},
    "nothing is left and nothing required": {
        "RequireEachIncludedType": False,
        "ExcludeCharacters": string.digits + string.ascii_letters + PUNCTUATION,
    },
}


@pytest.mark.parametrize("case", UNSATISFIABLE)
def test_what_cannot_be_satisfied_is_refused(sm, case):
    with refused("InvalidParameterException"):
        password(sm, **UNSATISFIABLE[case])


@pytest.mark.parametrize("length", [0, -1, 4097, 2**40])
def test_a_length_outside_of_1_to_4096_is_refused(unchecked, length):
    with refused("ValidationException"):
        password(unchecked, PasswordLength=length)


def test_passwords_differ_and_use_all_characters_alike(sm):
    made = [password(sm, PasswordLength=4096, RequireEachIncludedType=False) for _ in range(20)]
    assert len(set(made)) == 20
    counts = collections.Counter("".join(made))
    assert len(counts) == 94
    expected = 20 * 4096 / 94
    # Twelve standard deviations: a fair source fails this about never.
    assert all(abs(count - expected) < 12 * expected**0.5 for count in counts.values())


def test_required_characters_have_no_fixed_place(sm):
    first = {password(sm, PasswordLength=4)[0] for _ in range(60)}
    assert sum(bool(first & characters) for characters in CLASSES.values()) == 4
