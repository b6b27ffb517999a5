#!/usr/bin/env python3
"""Writes botocore.json: requests as botocore, AWS's own client library, signs them.

botocore is the second opinion: the Rust code must accept each of these, byte for byte. Run it again after adding a
case; with the same botocore it writes the same file.

    python3 make.py
"""

import datetime
import json
import pathlib
import random
import urllib.parse

import botocore
import botocore.auth
import botocore.awsrequest
import botocore.credentials

NOW = datetime.datetime(2026, 1, 1, 0, 0, 0)
EPOCH_SECONDS = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
KEYS = [
    ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ("test", "test"),
    ("AKIA" + "Z" * 124, "\u00fc" * 70),
]
SCOPES = [
    ("us-east-1", "secretsmanager"),
    ("eu-isoe-west-1", "sts"),
    ("local", "kms"),
    ("ap-southeast-7", "lambda"),
]
JSON = {"Content-Type": "application/x-amz-json-1.1"}


class WithoutExpires(botocore.auth.SigV4QueryAuth):
    """As Go's presigner for STS does it."""

    def _modify_request_before_signing(self, request):
        super()._modify_request_before_signing(request)
        request.url = request.url.replace(f"&X-Amz-Expires={self._expires}", "")


class WithAuthority(botocore.auth.SigV4Auth):
    """Signs HTTP/2's pseudo header in place of the host."""

    def canonical_headers(self, headers_to_sign):
        lines = super().canonical_headers(headers_to_sign).split("\n")
        return "\n".join(sorted(":authority" + line[4:] if line.startswith("host:") else line for line in lines))

    def signed_headers(self, headers_to_sign):
        names = super().signed_headers(headers_to_sign).split(";")
        return ";".join(sorted(":authority" if name == "host" else name for name in names))


def usual(operation, **more):
    """The headers of a usual call."""
    return [("X-Amz-Target", f"secretsmanager.{operation}"), *JSON.items(), *more.items()]


def cases():
    """Name, method, URL, headers, body, and what differs from the usual."""
    home = "https://secretsmanager.us-east-1.amazonaws.com/"
    local = "http://localhost:4599/"
    yield "usual", "POST", home, usual("GetSecretValue"), b'{"SecretId": "MyDatabaseSecret"}', {}
    yield "port", "POST", local, usual("GetSecretValue"), b'{"SecretId": "x"}', {}
    yield "address", "POST", "http://127.0.0.1:4599/", usual("ListSecrets"), b"{}", {}
    yield "address_v6", "POST", "http://[::1]:4599/", usual("ListSecrets"), b"{}", {}
    yield "no_body", "POST", local, usual("ListSecrets"), b"", {}
    yield "binary_body", "POST", local, usual("PutSecretValue"), bytes(range(256)), {}
    yield "large_body", "POST", local, usual("PutSecretValue"), b"x" * 5000, {}
    yield "session_token", "POST", local, usual("GetSecretValue"), b"{}", {"token": "IQoJb3JpZ2luX2VjE=/+ab=="}
    yield "date_header", "POST", local, [*usual("GetSecretValue"), ("Date", "replaced")], b"{}", {}
    yield "authority", "POST", local, usual("GetSecretValue"), b"{}", {"signer": WithAuthority}
    yield "no_content_type", "POST", local, [], b"Action=GetCallerIdentity", {"scope": SCOPES[1]}
    yield (
        "form", "POST", "https://sts.amazonaws.com/",
        [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
        b"Action=GetCallerIdentity&Version=2011-06-15", {"scope": SCOPES[1]},
    )
    yield "unsigned_headers", "POST", local, usual(
        "GetSecretValue",
        **{"User-Agent": "aws-cli/2", "Expect": "100-continue", "X-Amzn-Trace-Id": "Root=1-2-3"},
    ), b"{}", {}
    yield "spaces_in_values", "POST", local, usual(
        "GetSecretValue", **{"My-Header1": "  a   b   c  ", "My-Header2": ' "a   b   c" ', "My-Header3": "a \t b"}
    ), b"{}", {}
    yield "empty_value", "POST", local, usual("GetSecretValue", **{"My-Empty": "", "My-Spaces": "   "}), b"{}", {}
    yield "repeated_header", "POST", local, [
        *usual("GetSecretValue"), ("My-Many", "value4"), ("my-many", " value1 "), ("MY-MANY", "value3,  value2"),
    ], b"{}", {}
    yield "utf8_header", "POST", local, usual("GetSecretValue", **{"My-Header": "gr\u00fc\u00df \u4f60\u597d"}), b"{}", {}
    yield "prefixes", "POST", local, usual(
        "GetSecretValue", **{"A": "1", "A-B": "2", "Ab": "3", "X-Amz": "4", "X-Amz-A": "5", "X-Amzn-A": "6"}
    ), b"{}", {}
    for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "STRANGE"]:
        yield f"method_{method.lower()}", method, local, [], b"", {}
    for index, path in enumerate([
        "", "/", "//", "/.", "/./", "/..", "/../", "/a/..", "/a/../", "/a/.", "/a/./", "//a//b//", "/a/../../b", "/a/b/../..",
        "/...", "/.a", "/a.", "/a/", "/a//", "/-_.~", "/a%20b", "/a+b", "/a:b", "/a,b;c=d@e&f$g!h*i'j(k)l", "/%2F", "/%2f",
        "/%2e%2e/a", "/%E1%88%B4", "/\u1234", "/%", "/%zz", "/{a}", '/"', "/a|b", "/[x]", "/^",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Arotate/invocations",
        "/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:rotate/invocations",
    ]):
        yield f"path_{index}", "GET", "http://localhost:4599" + path, [], b"", {"scope": SCOPES[3]}
    for index, query in enumerate([
        "a=b", "a", "a=", "=b", "b=1&a=2", "a=2&a=1", "a=1&a=1", "a=&a", "A=1&a=1&B=1", "a-b=1&a=2&a.b=3&a0=4", "a=b%3Dc",
        "a%20b=c%20d", "a%2Bb=c%2Bd", "a%26b=c", "a%3Db=c", "%E1%88%B4=%C3%A9", "a=%25", "a=-_.~", "a=+", "a=1+2&a=1%202&a=1%2B2",
        "a=1&a%2B=2&a-=3", "x-amz-signature=1", "X-Amz=1", "%F0%9F%94%91=%F0%9F%94%92", "a=" + "0123456789" * 60,
    ]):
        yield f"query_{index}", "GET", "http://localhost:4599/?" + query, [], b"", {"scope": SCOPES[3]}
    for index, (key, scope) in enumerate((key, scope) for key in KEYS for scope in SCOPES):
        yield f"key_and_scope_{index}", "POST", local, usual("GetSecretValue"), b"{}", {"key": key, "scope": scope}


def presigned_cases():
    """The same for the query form; botocore moves a form's body into the query, so bodies are left out."""
    sts = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    yield "sts", "GET", sts, [], b"", {"scope": SCOPES[1], "expires": 60}
    yield "sts_cluster", "GET", sts, [("x-k8s-aws-id", "cluster one")], b"", {"scope": SCOPES[1], "expires": 60}
    yield "sts_session", "GET", sts, [], b"", {"scope": SCOPES[1], "expires": 900, "token": "a/b+c==" * 40}
    yield "sts_post", "POST", sts, [], b"", {"scope": SCOPES[1], "expires": 604800}
    yield "without_expires", "GET", sts, [], b"", {"scope": SCOPES[1], "signer": WithoutExpires}
    yield "shortest", "GET", "http://localhost:4599/", [], b"", {"expires": 1}
    yield "headers", "POST", "http://localhost:4599/", usual("ListSecrets", **{"My-Header": " a  b "}), b"", {"expires": 300}
    yield "path", "GET", "http://localhost:4599/a/../b%20c//d", [], b"", {"expires": 300}
    yield "query", "GET", "http://localhost:4599/?z=1&Y=2&%C3%A9=%20&w=&X-Amz-A=3&X-Amz-Z=4&x=a%2Bb", [], b"", {"expires": 300}
    for index, (key, scope) in enumerate((key, scope) for key in KEYS for scope in SCOPES):
        yield f"key_and_scope_{index}", "GET", "http://localhost:4599/", [], b"", {"key": key, "scope": scope, "expires": 300}


def random_cases(count, presigned):
    """Requests that nobody thought of, from a fixed seed."""
    choose = random.Random(f"strongroom {presigned}")
    letters = "abcXYZ019-_.~ /+=&%?:;,@!$'()*\"<>{}|\\^`#[]\u00e9\u4f60\U0001f511"

    def text(longest):
        return "".join(choose.choice(letters) for _ in range(choose.randint(1, longest)))

    for index in range(count):
        segments = [choose.choice(["", ".", "..", urllib.parse.quote(text(8), safe="")]) for _ in range(choose.randint(0, 5))]
        # Names are told apart, since botocore's presigner keeps one value a name.
        pairs = [(f"{number}{text(6)}", text(12)) for number in range(choose.randint(0, 6))]
        choose.shuffle(pairs)
        query = urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe="")
        headers = [
            (choose.choice(["My-A", "my-a", "X-Amz-Meta", "Accept", "Cookie"]), choose.choice([" ", "", "\t"]).join(
                choose.choice(["a", "b,c", " ", "  ", '"q"', "\u00fc"]) for _ in range(choose.randint(0, 6))
            ))
            for _ in range(choose.randint(0, 4))
        ]
        body = b"" if presigned else choose.randbytes(choose.choice([0, 1, 55, 56, 64, 200]))
        url = "http://localhost:4599/" + "/".join(segments) + ("?" + query if query else "")
        more = {"key": choose.choice(KEYS), "scope": choose.choice(SCOPES)}
        if presigned:
            more["expires"] = choose.randint(1, 604800)
        if choose.random() < 0.3:
            more["token"] = text(40).encode("ascii", "ignore").decode() or "token"
            more["token"] = more["token"].strip() or "token"
        yield f"random_{index}", choose.choice(["GET", "POST", "PUT"]), url, headers, body, more


def signed(name, method, url, headers, body, more):
    """One vector: the request as botocore would put it on the wire."""
    access_key_id, secret = more.get("key", KEYS[0])
    region, service = more.get("scope", SCOPES[0])
    credentials = botocore.credentials.Credentials(access_key_id, secret, more.get("token"))
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body)
    for header, value in headers:
        request.headers.add_header(header, value)
    if "expires" in more:
        signer = botocore.auth.SigV4QueryAuth(credentials, service, region, expires=more["expires"])
    else:
        signer = more.get("signer", botocore.auth.SigV4Auth)(credentials, service, region)
    signer.add_auth(request)
    split = urllib.parse.urlsplit(request.url)
    return {
        "name": name,
        "secret_access_key": secret,
        "access_key_id": access_key_id,
        "session_token": more.get("token"),
        "region": region,
        "service": service,
        "is_presigned": isinstance(signer, botocore.auth.SigV4QueryAuth),
        "expires_seconds": more.get("expires"),
        "method": method,
        "authority": split.netloc,
        "path_and_query": (split.path or "/") + ("?" + split.query if split.query else ""),
        "headers": [[header, str(value)] for header, value in request.headers.items()],
        "body_hex": body.hex(),
    }


def main():
    botocore.auth.get_current_datetime = lambda *_, **__: NOW
    vectors = [
        signed(*case)
        for many in [cases(), random_cases(120, False), ((f"presigned_{name}", *rest) for name, *rest in
                     [*presigned_cases(), *random_cases(80, True)])]
        for case in many
    ]
    names = [vector["name"] for vector in vectors]
    assert len(names) == len(set(names)), "a name is used twice"
    lines = ",\n".join(json.dumps(vector) for vector in vectors)
    text = (
        f'{{"botocore": "{botocore.__version__}", "signed_at": {EPOCH_SECONDS}, "vectors": [\n{lines}\n]}}\n'
    )
    pathlib.Path(__file__).with_name("botocore.json").write_text(text)
    print(f"{len(vectors)} vectors")


if __name__ == "__main__":
    main()
