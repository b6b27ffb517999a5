"""Runs a command against a fresh `strongroom dev`: with_server.py COMMAND [ARGUMENT...]

The command finds the server as any AWS client would: by AWS_ENDPOINT_URL, the access key and the
region in its environment. The exit status is the command's.
"""

from __future__ import annotations

import subprocess
import sys

from server import REGION, ROOT, Server, clean_environment


def main() -> int:
    """Starts the server, runs the command, stops the server."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    with Server() as server:
        environment = clean_environment(
            AWS_ENDPOINT_URL=server.url,
            AWS_ACCESS_KEY_ID=ROOT.access_key_id,
            AWS_SECRET_ACCESS_KEY=ROOT.secret_access_key,
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CONFIG_FILE="/dev/null",
            AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        )
        status = subprocess.run(sys.argv[1:], env=environment).returncode
        if "panicked" in server.output():
            print(server.output(), file=sys.stderr)
            return 1
        return status


if __name__ == "__main__":
    sys.exit(main())
