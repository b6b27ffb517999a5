"""Runs one Lambda function for `lambda_server`: function_process.py FILE HANDLER

Each line of standard input is an invocation, each line of standard output what came of it. Between them the function's
module stays loaded, as on AWS.
"""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace


def main() -> None:
    file, handler = Path(sys.argv[1]), sys.argv[2]
    answers = sys.stdout
    log = io.StringIO()
    logging.basicConfig(stream=log, format="[%(levelname)s] %(message)s")
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for line in sys.stdin:
        asked = json.loads(line)
        log.seek(0)
        log.truncate()
        with redirect_stdout(log), redirect_stderr(log):
            try:
                answer = getattr(module, handler)(asked["event"], SimpleNamespace(**asked["context"]))
                done = {"payload": json.dumps(answer)}
            except Exception as error:
                told = {
                    "errorMessage": str(error),
                    "errorType": type(error).__name__,
                    "stackTrace": traceback.format_tb(error.__traceback__),
                }
                done = {"payload": json.dumps(told), "error": "Unhandled"}
        answers.write(json.dumps(done | {"log": log.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
