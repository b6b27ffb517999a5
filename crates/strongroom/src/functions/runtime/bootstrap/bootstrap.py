"""Runs a function in Python: asks Strongroom's Runtime API for an invocation, calls the handler, answers.

Used where the interpreter has no awslambdaric, AWS's own client, which does the same.
"""

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

API = "/2018-06-01/runtime/"


class Identity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity()
        self.client_context = None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class Encoder(json.JSONEncoder):
    def default(self, value):
        if type(value).__module__ == "decimal":
            return float(value)
        return super().default(value)


class LogFormat(logging.Formatter):
    request_id = ""

    def format(self, record):
        record.aws_request_id = LogFormat.request_id
        return super().format(record)

    def formatTime(self, record, datefmt=None):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return "%s.%03dZ" % (moment, record.msecs)


def set_up_log():
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LogFormat("[%(levelname)s]\t%(asctime)s\t%(aws_request_id)s\t%(message)s\n"))
    handler.terminator = ""
    logging.getLogger().addHandler(handler)


class Api:
    def __init__(self):
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port))

    def call(self, method, path, body=None, headers=None):
        self.connection.request(method, API + path, body, headers or {})
        response = self.connection.getresponse()
        return response.headers, response.read()

    def error(self, path, error):
        body = json.dumps(error).encode()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Function-Error-Type": "Unhandled",
        }
        self.call("POST", path, body, headers)


class NotLoaded(Exception):
    def __init__(self, kind, message, stack=None):
        super().__init__(message)
        self.error = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": stack or []}


def load(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise NotLoaded("Runtime.MalformedHandlerName", "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise NotLoaded("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, error))
    except SyntaxError as error:
        line = '  File "%s" Line %s\n    %s' % (error.filename, error.lineno, (error.text or "").strip())
        raise NotLoaded("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), [line])
    except Exception as error:
        raise NotLoaded(type(error).__name__, str(error), frames(error))
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise NotLoaded("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def frames(error):
    """The stack of an error without what is the bootstrap's own."""
    found = [frame for frame in traceback.extract_tb(error.__traceback__)]
    while found and (found[0].filename == __file__ or "importlib" in found[0].filename):
        found.pop(0)
    return traceback.format_list(found)


def log_error(error):
    text = "[ERROR] %s: %s" % (error["errorType"], error["errorMessage"])
    stack = "".join(error["stackTrace"])
    sys.stdout.write(text + ("\nTraceback (most recent call last):\n" + stack if stack else "\n"))
    sys.stdout.flush()


def invoke(api, handler, headers, body):
    context = Context(headers)
    LogFormat.request_id = context.aws_request_id
    path = "invocation/%s/" % context.aws_request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
    try:
        event = json.loads(body)
    except ValueError as error:
        return fail(api, path, "Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error, [])
    try:
        result = handler(event, context)
    except Exception as error:
        return fail(api, path, type(error).__name__, str(error), frames(error), context.aws_request_id)
    try:
        answer = json.dumps(result, ensure_ascii=False, cls=Encoder, allow_nan=False).encode("utf-8")
    except Exception as error:
        return fail(api, path, "Runtime.MarshalError", "Unable to marshal response: %s" % error, [], context.aws_request_id)
    sys.stdout.flush()
    sys.stderr.flush()
    api.call("POST", path + "response", answer, {"Content-Type": "application/json"})


def fail(api, path, kind, message, stack, request_id=""):
    error = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}
    log_error(error)
    sys.stderr.flush()
    api.error(path + "error", error)


def main():
    root = os.environ["LAMBDA_TASK_ROOT"]
    # The folder of this file comes first by itself, and holds nothing that a function may import.
    sys.path[0] = root
    set_up_log()
    api = Api()
    try:
        handler = load(os.environ["_HANDLER"])
    except NotLoaded as problem:
        log_error(problem.error)
        api.error("init/error", problem.error)
        sys.exit(1)
    while True:
        headers, body = api.call("GET", "invocation/next")
        if "Lambda-Runtime-Aws-Request-Id" not in headers:
            sys.exit(0)
        invoke(api, handler, headers, body)


if __name__ == "__main__":
    main()
