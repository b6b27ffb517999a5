"""What IAM's and STS's answers must look like: XML as the model has it, with nothing that boto3 would overlook."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ElementTree

import botocore.model

# Codes that AWS's front end gives beside those of the model, and their statuses.
FRONT_END_ERRORS = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "IncompleteSignature": 400,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidParameterValue": 400,
    "MalformedInput": 400,
    "MalformedQueryString": 404,
    "MissingAction": 400,
    "MissingAuthenticationToken": 403,
    "SignatureDoesNotMatch": 403,
    "UnsupportedOperation": 400,
    "ValidationError": 400,
}


def complaints(operation: botocore.model.OperationModel, status: int, headers: dict, body: bytes) -> list[str]:
    """What is wrong with an answer's form; empty for a good one."""
    wrong = []
    service = operation.service_model
    if headers.get("content-type") != "text/xml":
        wrong.append(f"content-type is {headers.get('content-type')!r}")
    root = ElementTree.fromstring(body)
    space = "{" + service.metadata["xmlNamespace"] + "}"
    if any(not element.tag.startswith(space) for element in root.iter()):
        wrong.append("an element is in another namespace")
    for element in root.iter():
        element.tag = element.tag.removeprefix(space)
    request_id = root.findtext("ResponseMetadata/RequestId") or root.findtext("RequestId")
    if request_id != headers.get("x-amzn-requestid") or not uuid.UUID(request_id):
        wrong.append(f"the request id is {request_id!r} and {headers.get('x-amzn-requestid')!r}")
    if status != 200:
        return wrong + of_error(service, status, root)
    names = [element.tag for element in root]
    expected = [operation.name + "Result"] if operation.output_shape else []
    if root.tag != operation.name + "Response" or names != [*expected, "ResponseMetadata"]:
        wrong.append(f"{root.tag} has {names}")
    elif operation.output_shape:
        wrong += mismatches(operation.output_shape, root[0], operation.name)
    return wrong


def of_error(service: botocore.model.ServiceModel, status: int, root: ElementTree.Element) -> list[str]:
    """What is wrong with an error."""
    errors = [(shape.error_code, shape.metadata.get("error", {})) for shape in service.error_shapes]
    modeled = {code: error.get("httpStatusCode", 400) for code, error in errors}
    code, message = root.findtext("Error/Code"), root.findtext("Error/Message")
    wrong = []
    if root.tag != "ErrorResponse" or root.findtext("Error/Type") != "Sender":
        wrong.append("it isn't an error of the sender's")
    if (modeled | FRONT_END_ERRORS).get(code) != status:
        wrong.append(f"{code} has the status {status}")
    if not message:
        wrong.append(f"{code} has no text")
    return wrong


def mismatches(shape: botocore.model.Shape, element: ElementTree.Element, path: str) -> list[str]:
    """How an element differs from its shape."""
    wrong = []
    match shape.type_name:
        case "structure":
            for name in shape.required_members:
                # Of the root user's description AWS leaves them out, whatever its model says.
                of_root = name in {"Path", "UserName"} and element.findtext("Arn", "").endswith(":root")
                if element.find(name) is None and not of_root:
                    wrong.append(f"{path} lacks {name}")
            for child in element:
                if child.tag not in shape.members:
                    wrong.append(f"{path} has the unknown {child.tag}")
                else:
                    wrong += mismatches(shape.members[child.tag], child, f"{path}.{child.tag}")
        case "list":
            for child in element:
                if child.tag != "member":
                    wrong.append(f"{path} has the item {child.tag}")
                wrong += mismatches(shape.member, child, path)
        case "map":
            for child in element:
                if [child.tag, *(each.tag for each in child)] != ["entry", "key", "value"]:
                    wrong.append(f"{path} has the entry {ElementTree.tostring(child)!r}")
                else:
                    wrong += mismatches(shape.value, child[1], path)
        case "boolean" if element.text not in {"true", "false"}:
            wrong.append(f"{path} is {element.text!r}")
        case "integer" if not (element.text or "").isdigit():
            wrong.append(f"{path} is {element.text!r}")
        case "timestamp" if not (element.text or "").endswith("Z"):
            wrong.append(f"{path} is {element.text!r}")
    return wrong
