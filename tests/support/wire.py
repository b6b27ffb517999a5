"""Signed raw HTTP to the server, without an SDK's help: for what SDKs repair, hide or refuse."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import hashlib
import hmac
import http.client
import json
import socket
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

from server import REGION, ROOT, Credentials, Server

JSON_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes

    @property
    def json(self):
        """The body as JSON; fails the test where it isn't."""
        return json.loads(self.body.decode("utf-8"))

    @property
    def code(self) -> str | None:
        """The error code, None for a success."""
        if self.status == 200:
            return None
        return self.json["__type"]

    @property
    def message(self) -> str | None:
        """The error message under either of its names."""
        body = self.json
        return body.get("Message", body.get("message"))


# Errors that AWS's front end makes before a service sees the request; their text member is `message`.
FRONT_END_ERRORS = frozenset({
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationException",
})

MODELED_ERRORS = frozenset({
    "DecryptionFailure",
    "EncryptionFailure",
    "InternalServiceError",
    "InvalidNextTokenException",
    "InvalidParameterException",
    "InvalidRequestException",
    "LimitExceededException",
    "MalformedPolicyDocumentException",
    "PreconditionNotMetException",
    "PublicPolicyException",
    "ResourceExistsException",
    "ResourceNotFoundException",
})


# Errors of KMS; all of them say `message`.
KMS_ERRORS = frozenset({
    "AlreadyExistsException",
    "ConflictException",
    "DisabledException",
    "DryRunOperationException",
    "ExpiredImportTokenException",
    "IncorrectKeyException",
    "IncorrectKeyMaterialException",
    "InvalidAliasNameException",
    "InvalidArnException",
    "InvalidCiphertextException",
    "InvalidGrantIdException",
    "InvalidGrantTokenException",
    "InvalidImportTokenException",
    "InvalidKeyUsageException",
    "InvalidMarkerException",
    "KMSInternalException",
    "KMSInvalidMacException",
    "KMSInvalidSignatureException",
    "KMSInvalidStateException",
    "LimitExceededException",
    "MalformedPolicyDocumentException",
    "NotAuthorizedException",
    "NotFoundException",
    "TagException",
    "UnsupportedOperationException",
})

# Errors of CloudTrail; all of them say `message`.
CLOUDTRAIL_ERRORS = frozenset({
    "CloudTrailARNInvalidException",
    "InvalidEventCategoryException",
    "InvalidEventSelectorsException",
    "InvalidHomeRegionException",
    "InvalidLookupAttributesException",
    "InvalidMaxResultsException",
    "InvalidNextTokenException",
    "InvalidParameterCombinationException",
    "InvalidS3BucketNameException",
    "InvalidS3PrefixException",
    "InvalidTagParameterException",
    "InvalidTimeRangeException",
    "InvalidTokenException",
    "InvalidTrailNameException",
    "MaximumNumberOfTrailsExceededException",
    "ResourceNotFoundException",
    "S3BucketDoesNotExistException",
    "TagsLimitExceededException",
    "TrailAlreadyExistsException",
    "TrailNotFoundException",
    "UnsupportedOperationException",
})


def malformations(answer: Answer, service: str = "secretsmanager") -> list[str]:
    """What is wrong with a JSON answer's outer form; empty for a well-formed one."""
    modeled, others = {
        "secretsmanager": (MODELED_ERRORS, frozenset()),
        "cloudtrail": (frozenset(), CLOUDTRAIL_ERRORS),
    }.get(service, (frozenset(), KMS_ERRORS))
    wrong = []
    headers = answer.headers
    if headers.get("content-type") != JSON_TYPE:
        wrong.append(f"content-type is {headers.get('content-type')!r}")
    try:
        uuid.UUID(headers.get("x-amzn-requestid", ""))
    except ValueError:
        wrong.append(f"x-amzn-requestid is {headers.get('x-amzn-requestid')!r}")
    try:
        email.utils.parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        wrong.append(f"date is {headers.get('date')!r}")
    if headers.get("content-length") != str(len(answer.body)):
        wrong.append(f"content-length is {headers.get('content-length')!r}")
    if answer.status == 200:
        return wrong
    try:
        body = answer.json
    except ValueError:
        return [*wrong, f"the body is not JSON: {answer.body[:200]!r}"]
    if not isinstance(body, dict):
        return [*wrong, f"the body is not an object: {answer.body[:200]!r}"]
    code = body.get("__type")
    text_member = "Message" if code in modeled else "message"
    if code not in modeled | others | FRONT_END_ERRORS:
        wrong.append(f"unknown error code {code!r}")
    # The reference knows AccessDeniedException and SerializationException with either spelling.
    allowed = {"Message", "message"} if code in {"AccessDeniedException", "SerializationException"} else {text_member}
    if extra := set(body) - {"__type"} - allowed:
        wrong.append(f"{code} has the members {sorted(extra)}")
    texts = [value for name, value in body.items() if name != "__type"]
    if any(not isinstance(text, str) or not text for text in texts) or len(texts) > 1:
        wrong.append(f"{code} has the text {texts!r}")
    if code in modeled | others - {"InvalidCiphertextException"} and not texts:
        wrong.append(f"{code} has no text")
    return wrong


class Signer:
    """Signs with AWS Signature Version 4, computed here so that a test can also get it wrong."""

    def __init__(
        self, credentials: Credentials = ROOT, region: str = REGION, service: str = "secretsmanager"
    ) -> None:
        self.credentials = credentials
        self.region = region
        self.service = service

    def headers(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        moment: datetime.datetime | None = None,
    ) -> dict[str, str]:
        """`headers` (which must hold Host) with X-Amz-Date and Authorization added."""
        moment = moment or datetime.datetime.now(datetime.timezone.utc)
        stamp = moment.strftime("%Y%m%dT%H%M%SZ")
        headers = headers | {"X-Amz-Date": stamp}
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        canonical = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
        names = ";".join(name for name, _ in canonical)
        path, _, query = path.partition("?")
        request = "\n".join([
            method,
            path,
            query,
            *(f"{name}:{value}" for name, value in canonical),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ])
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = signing_key(self.credentials.secret_access_key, stamp[:8], self.region, self.service)
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return headers | {"Authorization": authorization}


@lru_cache(maxsize=64)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key that SigV4 derives for one day, region and service."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key


TARGETS = {
    "secretsmanager": "secretsmanager",
    "kms": "TrentService",
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
}


class Wire:
    """A kept-alive connection to the server that signs what it sends."""

    def __init__(self, server: Server, signer: Signer | None = None) -> None:
        self.server = server
        self.signer = signer or Signer()
        self.host = "{}:{}".format(*server.address)
        self._connection: http.client.HTTPConnection | None = None

    def call(self, operation: str, members: object = None, *, sign: str = "right") -> Answer:
        """One operation; `members` is the request as JSON values, or its bytes as they are."""
        body = members if isinstance(members, bytes) else json.dumps(members or {}).encode()
        headers = {"Content-Type": JSON_TYPE, "X-Amz-Target": f"{TARGETS[self.signer.service]}.{operation}"}
        return self.send("POST", "/", headers, body, sign=sign)

    def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, *, sign: str = "right"
    ) -> Answer:
        """One HTTP request, signed as `sign` says: right, none, wrong (a bit off) or stranger."""
        headers = {"Host": self.host} | headers
        if sign == "right":
            headers = self.signer.headers(method, path, headers, body)
        elif sign == "wrong":
            headers = self.signer.headers(method, path, headers, body)
            last = headers["Authorization"][-1]
            headers["Authorization"] = headers["Authorization"][:-1] + ("1" if last == "0" else "0")
        elif sign == "stranger":
            stranger = Credentials("AKIANOBODYKNOWSTHIS1", "x" * 40)
            signer = Signer(stranger, self.signer.region, self.signer.service)
            headers = signer.headers(method, path, headers, body)
        else:
            assert sign == "none", sign
        for attempt in (1, 2):
            kept = self._connection is not None
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self.server.address, timeout=30)
            try:
                return self._exchange(method, path, headers, body)
            except (http.client.RemoteDisconnected, ConnectionError):
                # A kept connection may have been closed meanwhile; a new one must answer.
                self.close()
                if not kept or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = self._connection
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(body)
        except (BrokenPipeError, ConnectionResetError):
            # The server may refuse a large body before it was sent whole; its answer still counts.
            if len(body) < 100_000:
                raise
        response = connection.getresponse()
        content = response.read()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, content
        )
        if response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None


def exchange_bytes(server: Server, sent: bytes, *, seconds: float = 10, finish: bool = False) -> bytes:
    """Sends bytes on a new connection and returns all that comes back until the server closes it,
    or a first complete response. `finish` closes our half after sending."""
    received = b""
    with socket.create_connection(server.address, timeout=seconds) as connection:
        # A server may answer and close before it has read everything.
        with contextlib.suppress(OSError):
            connection.sendall(sent)
            if finish:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            while chunk := connection.recv(65536):
                received += chunk
                if is_complete_response(received):
                    break
    return received


def is_complete_response(received: bytes) -> bool:
    """Whether the bytes hold a whole response with a Content-Length."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(body) >= int(value)
    return False
