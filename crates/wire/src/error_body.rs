//! Error answers: status, content type and bytes, in the shape each protocol gives them.
//! It may not know which rule was broken: code and wording are the caller's.

use std::borrow::Cow;

use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::request_id::RequestId;

/// How a service's requests and answers are framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// awsJson1.1: Secrets Manager, KMS, CloudTrail.
    AwsJson,
    /// restJson1: Lambda.
    RestJson,
    /// The query protocol with XML answers: IAM, STS.
    Query {
        /// The service's XML namespace, such as `https://sts.amazonaws.com/doc/2011-06-15/`.
        xmlns: &'static str,
    },
}

/// How the member that holds an awsJson error's message is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageMember {
    /// `Message`: errors of the service's model.
    Capital,
    /// `message`: errors of the framework around it, such as signatures and validation.
    LowerCase,
}

/// An error as a client sees it, before it is framed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorBody {
    /// The HTTP status; 4xx is the sender's fault, 5xx the receiver's.
    pub status: StatusCode,
    /// AWS's code, such as `ResourceNotFoundException`.
    pub code: Cow<'static, str>,
    /// The text; some framework errors have none.
    pub message: Option<String>,
    /// The letter case of the message's member; only awsJson differs by it.
    pub message_member: MessageMember,
}

impl ErrorBody {
    /// An error of the service's model: status 400 and a capital `Message`.
    #[must_use]
    pub fn modeled(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            message: Some(message.into()),
            message_member: MessageMember::Capital,
        }
    }

    /// An error of the framework: status 400 and a lower-case `message`, if any.
    #[must_use]
    pub fn framework(code: impl Into<Cow<'static, str>>, message: Option<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: code.into(),
            message,
            message_member: MessageMember::LowerCase,
        }
    }

    /// The same error under another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Frames the error for a protocol. Only the query protocol repeats the request id in the body.
    #[must_use]
    pub fn render(&self, protocol: Protocol, request_id: &RequestId) -> Rendered {
        match protocol {
            Protocol::AwsJson => Rendered::new(self.status, AWS_JSON_CONTENT_TYPE, self.json()),
            Protocol::RestJson => {
                let status = self.status_in_rest();
                let code = self.code.clone();
                Rendered {
                    error_type: HeaderValue::from_str(&code).ok(),
                    ..Rendered::new(status, REST_JSON_CONTENT_TYPE, self.rest_json(status))
                }
            }
            Protocol::Query { xmlns } => {
                let (code, status) = self.in_query();
                let body = self.xml(xmlns, code, status, request_id).into_bytes();
                Rendered::new(status, XML_CONTENT_TYPE, body)
            }
        }
    }

    /// The status of the same error where paths name operations: each has its own.
    ///
    /// Source: the errors of Lambda's model (botocore, 2015-03-31); "Common Errors".
    fn status_in_rest(&self) -> StatusCode {
        match &*self.code {
            "AccessDeniedException"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "UnrecognizedClientException" => StatusCode::FORBIDDEN,
            "ResourceNotFoundException" => StatusCode::NOT_FOUND,
            "ResourceConflictException" => StatusCode::CONFLICT,
            "PreconditionFailedException" => StatusCode::PRECONDITION_FAILED,
            "RequestTooLargeException" => StatusCode::PAYLOAD_TOO_LARGE,
            "UnsupportedMediaTypeException" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "TooManyRequestsException" => StatusCode::TOO_MANY_REQUESTS,
            "InvalidRuntimeException" | "InvalidZipFileException" | "ResourceNotReadyException" => {
                StatusCode::BAD_GATEWAY
            }
            _ => self.status,
        }
    }

    /// Code and status of the same error in the query protocol, where errors of AWS's framework have other names and
    /// errors of a service statuses of their own.
    ///
    /// Source: the errors of the service's model (botocore, iam 2010-05-08 and sts 2011-06-15); "Common Errors".
    fn in_query(&self) -> (&str, StatusCode) {
        match &*self.code {
            "AccessDeniedException" => ("AccessDenied", StatusCode::FORBIDDEN),
            "SerializationException" => ("MalformedInput", StatusCode::BAD_REQUEST),
            "ThrottlingException" => ("Throttling", StatusCode::BAD_REQUEST),
            "UnrecognizedClientException" => ("InvalidClientTokenId", StatusCode::FORBIDDEN),
            "ValidationException" => ("ValidationError", StatusCode::BAD_REQUEST),
            code @ ("IDPRejectedClaim" | "InvalidAuthenticationCode") => {
                (code, StatusCode::FORBIDDEN)
            }
            code @ ("ReportExpired" | "ReportNotPresent") => (code, StatusCode::GONE),
            code @ "NoSuchEntity" => (code, StatusCode::NOT_FOUND),
            code @ ("ConcurrentModification"
            | "DeleteConflict"
            | "EntityAlreadyExists"
            | "EntityTemporarilyUnmodifiable"
            | "LimitExceeded") => (code, StatusCode::CONFLICT),
            code => (code, self.status),
        }
    }

    fn json(&self) -> Vec<u8> {
        let capital = self.message_member == MessageMember::Capital;
        let message = self.message.as_deref();
        let members = Members {
            code: &self.code,
            capital: message.filter(|_| capital),
            lower_case: message.filter(|_| !capital),
        };
        // Writing strings into a vector has no way to fail; an empty body would be the answer if it had.
        serde_json::to_vec(&members).unwrap_or_default()
    }

    fn rest_json(&self, status: StatusCode) -> Vec<u8> {
        let capital = self.message_member == MessageMember::Capital;
        let message = self.message.as_deref();
        let members = RestMembers {
            at_fault: if status.is_server_error() {
                "Service"
            } else {
                "User"
            },
            capital: message.filter(|_| capital),
            lower_case: message.filter(|_| !capital),
        };
        // As in `json`.
        serde_json::to_vec(&members).unwrap_or_default()
    }

    fn xml(&self, xmlns: &str, code: &str, status: StatusCode, request_id: &RequestId) -> String {
        let at_fault = if status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        let mut xml =
            format!(r#"<ErrorResponse xmlns="{xmlns}"><Error><Type>{at_fault}</Type><Code>"#);
        escape_xml(code, &mut xml);
        xml.push_str("</Code>");
        if let Some(message) = &self.message {
            xml.push_str("<Message>");
            escape_xml(message, &mut xml);
            xml.push_str("</Message>");
        }
        xml.push_str("</Error><RequestId>");
        xml.push_str(request_id.as_str());
        xml.push_str("</RequestId></ErrorResponse>");
        xml
    }
}

/// A framed error: all of the answer but the headers that every answer has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// The HTTP status.
    pub status: StatusCode,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The value of `X-Amzn-ErrorType`, where the body doesn't name the error.
    pub error_type: Option<HeaderValue>,
}

impl Rendered {
    /// An answer whose body says all.
    #[must_use]
    pub fn new(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            body,
            error_type: None,
        }
    }

    /// The answer to what no protocol claims: a method other than POST, another path, another content type.
    ///
    /// Source: AWS's JSON services answer so to a browser (from experience).
    #[must_use]
    pub fn unknown_operation() -> Self {
        let body = b"<UnknownOperationException/>".to_vec();
        Self::new(StatusCode::NOT_FOUND, XML_CONTENT_TYPE, body)
    }
}

/// The `Content-Type` of every awsJson1.1 answer.
pub const AWS_JSON_CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// The `Content-Type` of every restJson1 answer.
pub const REST_JSON_CONTENT_TYPE: &str = "application/json";
/// The `Content-Type` of every query answer.
pub const XML_CONTENT_TYPE: &str = "text/xml";

#[derive(Serialize)]
struct Members<'a> {
    #[serde(rename = "__type")]
    code: &'a str,
    #[serde(rename = "Message", skip_serializing_if = "Option::is_none")]
    capital: Option<&'a str>,
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    lower_case: Option<&'a str>,
}

#[derive(Serialize)]
struct RestMembers<'a> {
    #[serde(rename = "Type")]
    at_fault: &'static str,
    #[serde(rename = "Message", skip_serializing_if = "Option::is_none")]
    capital: Option<&'a str>,
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    lower_case: Option<&'a str>,
}

/// Appends a text as the content of an element.
pub(crate) fn escape_xml(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(character),
            // Readers turn a bare one into a line feed.
            '\r' => out.push_str("&#13;"),
            // XML 1.0 has no way to write these.
            '\0'..=' ' | '\u{fffe}' | '\u{ffff}' if character != ' ' => out.push('\u{fffd}'),
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STS: Protocol = Protocol::Query {
        xmlns: "https://sts.amazonaws.com/doc/2011-06-15/",
    };

    #[test]
    fn an_aws_json_error_has_its_code_and_then_its_message_in_the_given_letter_case() {
        let cases = [
            (
                ErrorBody::modeled(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find it.",
                ),
                r#"{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find it."}"#,
            ),
            (
                ErrorBody::framework("ValidationException", Some("1 \"<\u{1}é🔑\\".to_owned())),
                r#"{"__type":"ValidationException","message":"1 \"<\u0001é🔑\\"}"#,
            ),
            (
                ErrorBody::framework("SerializationException", None),
                r#"{"__type":"SerializationException"}"#,
            ),
            (
                ErrorBody::modeled("X", ""),
                r#"{"__type":"X","Message":""}"#,
            ),
        ];
        for (error, json) in cases {
            let rendered = error.render(Protocol::AwsJson, &id());
            assert_eq!(rendered.status, 400);
            assert_eq!(rendered.content_type, "application/x-amz-json-1.1");
            assert_eq!(str::from_utf8(&rendered.body).unwrap(), json);
        }
    }

    #[test]
    fn a_rest_error_has_its_code_in_a_header_and_a_status_of_its_own() {
        for (error, status, json) in [
            (
                ErrorBody::modeled("ResourceNotFoundException", "Function not found: f"),
                404,
                r#"{"Type":"User","Message":"Function not found: f"}"#,
            ),
            (
                ErrorBody::framework("InvalidParameterValueException", Some("no".to_owned())),
                400,
                r#"{"Type":"User","message":"no"}"#,
            ),
            (
                ErrorBody::modeled("ServiceException", "no")
                    .with_status(StatusCode::INTERNAL_SERVER_ERROR),
                500,
                r#"{"Type":"Service","Message":"no"}"#,
            ),
        ] {
            let rendered = error.render(Protocol::RestJson, &id());
            assert_eq!(rendered.status, status);
            assert_eq!(rendered.content_type, "application/json");
            assert_eq!(str::from_utf8(&rendered.body).unwrap(), json);
            let named = rendered.error_type.unwrap();
            assert_eq!(named.to_str().unwrap(), error.code);
        }
    }

    #[test]
    fn a_query_error_is_xml_with_the_request_id_and_whose_fault_it_is() {
        let cases = [
            (
                ErrorBody::framework("AccessDenied", Some("no".to_owned()))
                    .with_status(StatusCode::FORBIDDEN),
                "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>",
            ),
            (
                ErrorBody::framework("InternalFailure", None)
                    .with_status(StatusCode::INTERNAL_SERVER_ERROR),
                "<Error><Type>Receiver</Type><Code>InternalFailure</Code></Error>",
            ),
            (
                ErrorBody::framework(
                    "<X>",
                    Some("a<b>&\"c'\u{0}\u{1f}\u{ffff}\r\n\té🔑".to_owned()),
                ),
                "<Error><Type>Sender</Type><Code>&lt;X&gt;</Code><Message>a&lt;b&gt;&amp;&quot;c&#39;\
                 \u{fffd}\u{fffd}\u{fffd}&#13;\n\té🔑</Message></Error>",
            ),
        ];
        for (error, middle) in cases {
            let rendered = error.render(STS, &id());
            assert_eq!(rendered.status, error.status);
            assert_eq!(rendered.content_type, "text/xml");
            let xml = format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{middle}\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
            );
            assert_eq!(str::from_utf8(&rendered.body).unwrap(), xml);
        }
    }

    fn id() -> RequestId {
        RequestId::from_bytes([0; 16])
    }
}
