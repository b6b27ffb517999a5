"""Whether a request that came to a server of a test's own was rightly signed, as botocore has it."""

from __future__ import annotations

import hmac
import http.server
import re

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Signing

from server import Credentials

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$"
)


def signer(
    request: http.server.BaseHTTPRequestHandler, body: bytes, callers: dict[str, Credentials], service: str
) -> tuple[str, str]:
    """The access key that signed the request, and for which region; a wrong signature is a ValueError."""
    found = AUTHORIZATION.match(request.headers.get("Authorization", ""))
    if not found:
        raise ValueError("The request is not signed.")
    access_key_id, day, region, scope, signed_headers, signature = found.groups()
    caller = callers.get(access_key_id)
    if not caller:
        raise ValueError(f"The access key {access_key_id} is unknown.")
    signed = signed_headers.split(";")
    if scope != service or not {"host", "x-amz-date"} <= set(signed):
        raise ValueError(f"The signature is not one for {service}.")
    if request.headers.get("X-Amz-Security-Token") != caller.session_token:
        raise ValueError("The session token is not the access key's.")
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    auth = kind(Signing(access_key_id, caller.secret_access_key, caller.session_token), service, region)
    again = AWSRequest(
        request.command,
        f"http://{request.headers['Host']}{request.path}",
        headers={name: request.headers[name] for name in signed},
        data=body,
    )
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    if not again.context["timestamp"].startswith(day):
        raise ValueError("The signature is of another day.")
    expected = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    if not hmac.compare_digest(expected, signature):
        raise ValueError("The signature does not match.")
    return access_key_id, region
