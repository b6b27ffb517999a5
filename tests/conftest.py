"""One server for the whole run, emptied between tests; AWS clients that know nothing of it."""

from __future__ import annotations

import os
import site

import pytest

import aws
from server import OTHER_ACCOUNT, OTHER_REGION, REGION, ROOT, Credentials, Server
from wire import Signer, Wire

# Nothing of the machine's own AWS configuration may reach a test.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def shared_server():
    """The server of this run."""
    with Server("--function-python-path", site.getsitepackages()[0]) as server:
        yield server
        assert server.process.poll() is None, "the server died:\n" + server.output()
        assert "panicked" not in server.output(), server.output()


@pytest.fixture
def server(shared_server: Server) -> Server:
    """The server of this run, empty."""
    shared_server.reset()
    return shared_server


@pytest.fixture(scope="session")
def shared_sm(shared_server: Server):
    """boto3 as the first account's root in the first region."""
    return aws.client(shared_server)


@pytest.fixture
def sm(server: Server, shared_sm):
    """boto3 as the first account's root in the first region, on an empty server."""
    return shared_sm


@pytest.fixture(scope="session")
def shared_unchecked(shared_server: Server):
    """boto3 that sends parameters without checking them first."""
    return aws.client(shared_server, validate=False)


@pytest.fixture
def unchecked(server: Server, shared_unchecked):
    """boto3 that sends parameters without checking them first, on an empty server."""
    return shared_unchecked


@pytest.fixture(scope="session")
def shared_elsewhere(shared_server: Server):
    """boto3 as the first account's root in another region."""
    return aws.client(shared_server, region=OTHER_REGION)


@pytest.fixture
def elsewhere(server: Server, shared_elsewhere):
    """boto3 as the first account's root in another region, on an empty server."""
    return shared_elsewhere


@pytest.fixture(scope="session")
def stranger_credentials(shared_server: Server) -> Credentials:
    """The root of a second account."""
    return shared_server.create_account(OTHER_ACCOUNT)


@pytest.fixture(scope="session")
def shared_stranger(shared_server: Server, stranger_credentials: Credentials):
    """boto3 as the second account's root in the first region."""
    return aws.client(shared_server, credentials=stranger_credentials)


@pytest.fixture
def stranger(server: Server, shared_stranger):
    """boto3 as the second account's root in the first region, on an empty server."""
    return shared_stranger


@pytest.fixture(scope="session")
def shared_wire(shared_server: Server):
    """Signed raw HTTP as the first account's root."""
    wire = Wire(shared_server, Signer(ROOT, REGION))
    yield wire
    wire.close()


@pytest.fixture
def wire(server: Server, shared_wire: Wire) -> Wire:
    """Signed raw HTTP as the first account's root, on an empty server."""
    return shared_wire


@pytest.fixture(scope="session")
def shared_kms(shared_server: Server):
    """KMS by boto3, as the first account's root in the first region."""
    return aws.client(shared_server, service="kms")


@pytest.fixture
def kms(server: Server, shared_kms):
    """KMS by boto3, as the first account's root in the first region, on an empty server."""
    return shared_kms


@pytest.fixture(scope="session")
def shared_kms_stranger(shared_server: Server, stranger_credentials: Credentials):
    """KMS by boto3, as the second account's root in the first region."""
    return aws.client(shared_server, service="kms", credentials=stranger_credentials)


@pytest.fixture
def kms_stranger(server: Server, shared_kms_stranger):
    """KMS by boto3, as the second account's root in the first region, on an empty server."""
    return shared_kms_stranger


@pytest.fixture(scope="session")
def shared_iam(shared_server: Server):
    """IAM by boto3, as the first account's root."""
    return aws.client(shared_server, service="iam")


@pytest.fixture
def iam(server: Server, shared_iam):
    """IAM by boto3, as the first account's root, on an empty server."""
    return shared_iam


@pytest.fixture(scope="session")
def shared_sts(shared_server: Server):
    """STS by boto3, as the first account's root in the first region."""
    return aws.client(shared_server, service="sts")


@pytest.fixture
def sts(server: Server, shared_sts):
    """STS by boto3, as the first account's root in the first region, on an empty server."""
    return shared_sts
