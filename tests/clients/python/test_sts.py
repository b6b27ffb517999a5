"""STS: who one is, by every way that a request can take in the query protocol."""

from __future__ import annotations

import dataclasses
import urllib.request
import xml.etree.ElementTree as ElementTree

from aws import client, refused
from server import ACCOUNT, OTHER_ACCOUNT, ROOT

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"


def test_a_root_user_is_its_account(sts, server, stranger_credentials):
    who = sts.get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (ROOT_ARN, ACCOUNT, ACCOUNT)
    other = client(server, service="sts", credentials=stranger_credentials).get_caller_identity()
    assert other["Arn"] == f"arn:aws:iam::{OTHER_ACCOUNT}:root"


def test_a_presigned_url_says_who_signed_it(sts):
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    with urllib.request.urlopen(url) as answer:
        root = ElementTree.fromstring(answer.read())
    space = "{https://sts.amazonaws.com/doc/2011-06-15/}"
    assert root.findtext(f"{space}GetCallerIdentityResult/{space}Arn") == ROOT_ARN


def test_an_access_key_tells_its_account(sts, stranger_credentials):
    assert sts.get_access_key_info(AccessKeyId=ROOT.access_key_id)["Account"] == ACCOUNT
    key = stranger_credentials.access_key_id
    assert sts.get_access_key_info(AccessKeyId=key)["Account"] == OTHER_ACCOUNT
    with refused("ValidationError"):
        sts.get_access_key_info(AccessKeyId="AKIANOBODYHASTHISKEY")


def test_what_is_not_here_is_refused_by_name(sts, server):
    with refused("UnsupportedOperation"):
        sts.get_federation_token(Name="someone")
    with refused("UnsupportedOperation"):
        sts.decode_authorization_message(EncodedMessage="x")


def test_a_bad_signature_is_refused_as_the_query_protocol_does(server):
    wrong = dataclasses.replace(ROOT, secret_access_key="x" * 40)
    with refused("SignatureDoesNotMatch", status=403):
        client(server, service="sts", credentials=wrong).get_caller_identity()
    nobody = dataclasses.replace(ROOT, access_key_id="AKIANOBODYHASTHISKEY")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        client(server, service="sts", credentials=nobody).get_caller_identity()
