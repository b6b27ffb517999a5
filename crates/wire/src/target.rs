//! Which operation of which service a request means, and whether it was signed for that service.
//! It may not know what the operations are.

use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::error_body::{ErrorBody, Protocol, Rendered};
use crate::request_id::RequestId;
use crate::sigv4::{AuthError, Scope};

/// A service that is served here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// AWS Key Management Service.
    Kms,
    /// AWS Secrets Manager.
    SecretsManager,
}

impl Service {
    /// Every service, in no order that matters.
    pub const ALL: &[Service] = &[Service::Kms, Service::SecretsManager];

    /// The name in a signature's scope, in an ARN and before the colon of an IAM action.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        self.row().signing_name
    }

    /// How its requests and answers are framed.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        self.row().protocol
    }

    fn row(self) -> &'static Row {
        match self {
            Service::Kms => &Row {
                signing_name: "kms",
                target_prefix: "TrentService",
                content_type: "application/x-amz-json-1.1",
                protocol: Protocol::AwsJson,
            },
            Service::SecretsManager => &Row {
                signing_name: "secretsmanager",
                target_prefix: "secretsmanager",
                content_type: "application/x-amz-json-1.1",
                protocol: Protocol::AwsJson,
            },
        }
    }
}

/// What an awsJson request asks for.
///
/// ```
/// use strongroom_wire::target::{Service, Target};
///
/// let (parts, ()) = http::Request::post("/")
///     .header("content-type", "application/x-amz-json-1.1")
///     .header("x-amz-target", "secretsmanager.GetSecretValue")
///     .body(())
///     .unwrap()
///     .into_parts();
/// let target = Target::read(&parts).unwrap();
/// assert_eq!(target.service(), Service::SecretsManager);
/// assert_eq!(target.operation(), "GetSecretValue");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target<'r> {
    service: Service,
    operation: &'r str,
}

impl<'r> Target<'r> {
    /// Reads method, path, `Content-Type` and `X-Amz-Target`.
    ///
    /// # Errors
    /// [`TargetError`], and nothing else causes one:
    /// - `NotAnApiCall`: not `POST /`, or not one `Content-Type` of an API (parameters such as a charset are fine);
    /// - `UnknownOperation`: not one `X-Amz-Target`, another prefix than a service's, or a name that can't be one.
    ///
    /// Source: awsJson1.1 in the Smithy specification; the answers from experience.
    pub fn read(parts: &'r Parts) -> Result<Self, TargetError> {
        if parts.method != Method::POST || parts.uri.path() != "/" {
            return Err(TargetError::NotAnApiCall);
        }
        let media_type = only(&parts.headers, &CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map(str::trim)
            .filter(|media_type| {
                Service::ALL
                    .iter()
                    .any(|service| service.accepts(media_type))
            })
            .ok_or(TargetError::NotAnApiCall)?;
        let (prefix, operation) = only(&parts.headers, &X_AMZ_TARGET)
            .and_then(|value| value.rsplit_once('.'))
            .ok_or(TargetError::UnknownOperation)?;
        let service = Service::ALL
            .iter()
            .copied()
            .find(|service| service.row().target_prefix == prefix && service.accepts(media_type))
            .ok_or(TargetError::UnknownOperation)?;
        if operation.is_empty() || !operation.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(TargetError::UnknownOperation);
        }
        Ok(Self { service, operation })
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// The operation's name as the client wrote it: letters and digits, at least one. It may be none of the service's.
    #[must_use]
    pub fn operation(&self) -> &'r str {
        self.operation
    }

    /// Refuses a request that was signed for another service than the one it names, so that what a signature allows
    /// at one service can't be carried to another.
    ///
    /// # Errors
    /// [`AuthError::WrongService`].
    pub fn check_scope(&self, scope: &Scope<'_>) -> Result<(), AuthError> {
        let expected = self.service.signing_name();
        if scope.service() == expected {
            Ok(())
        } else {
            Err(AuthError::WrongService { expected })
        }
    }
}

impl Service {
    fn accepts(self, media_type: &str) -> bool {
        media_type.eq_ignore_ascii_case(self.row().content_type)
    }
}

/// Why a request names no operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// It is a browser's or a stray client's request.
    #[error("not a call of the API: send POST / with Content-Type: application/x-amz-json-1.1")]
    NotAnApiCall,
    /// It is a call of the API, but of nothing that exists.
    #[error(
        "X-Amz-Target names no operation: send <prefix>.<Operation>, such as secretsmanager.GetSecretValue"
    )]
    UnknownOperation,
}

impl TargetError {
    /// The answer AWS gives: 404 in XML without a word, or 400 in JSON with the code alone.
    #[must_use]
    pub fn render(self, request_id: &RequestId) -> Rendered {
        match self {
            TargetError::NotAnApiCall => Rendered::unknown_operation(),
            TargetError::UnknownOperation => {
                unknown_operation().render(Protocol::AwsJson, request_id)
            }
        }
    }
}

/// The awsJson error for an operation that the service hasn't.
#[must_use]
pub fn unknown_operation() -> ErrorBody {
    ErrorBody::framework("UnknownOperationException", None)
}

struct Row {
    signing_name: &'static str,
    target_prefix: &'static str,
    content_type: &'static str,
    protocol: Protocol,
}

static X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The value of a header that is there once and in ASCII.
fn only<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Option<&'r str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() {
        None
    } else {
        value.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
    const LIST: (&str, &str) = ("x-amz-target", "secretsmanager.ListSecrets");

    #[test]
    fn a_target_is_read_whatever_the_parameters_and_letter_case_of_the_content_type() {
        for content_type in [
            "application/x-amz-json-1.1",
            "application/x-amz-json-1.1; charset=utf-8",
            "application/x-amz-json-1.1;charset=UTF-8",
            "application/x-amz-json-1.1 ; charset=utf-8",
            "Application/X-Amz-JSON-1.1",
        ] {
            let parts = parts("POST", "/", &[("content-type", content_type), LIST]);
            let target = Target::read(&parts).unwrap();
            assert_eq!(target.service(), Service::SecretsManager, "{content_type}");
            assert_eq!(target.operation(), "ListSecrets", "{content_type}");
        }
    }

    #[test]
    fn each_service_has_its_prefix_and_its_name_in_signatures() {
        for (target, service, name) in [
            (
                "secretsmanager.X",
                Service::SecretsManager,
                "secretsmanager",
            ),
            ("TrentService.X", Service::Kms, "kms"),
        ] {
            let parts = parts("POST", "/", &[JSON, ("x-amz-target", target)]);
            let read = Target::read(&parts).unwrap().service();
            assert_eq!((read, read.signing_name()), (service, name));
        }
    }

    #[test]
    fn an_operation_that_does_not_exist_is_still_an_operation() {
        let parts = parts(
            "POST",
            "/?x=1",
            &[JSON, ("x-amz-target", "secretsmanager.Nothing1")],
        );
        assert_eq!(Target::read(&parts).unwrap().operation(), "Nothing1");
    }

    #[test]
    fn what_is_no_call_of_the_api_is_answered_in_xml() {
        type Headers<'a> = &'a [(&'a str, &'a str)];
        let cases: [(&str, &str, Headers<'_>); 9] = [
            ("GET", "/", &[JSON, LIST]),
            ("PUT", "/", &[JSON, LIST]),
            ("POST", "/x", &[JSON, LIST]),
            ("POST", "//", &[JSON, LIST]),
            ("POST", "/", &[LIST]),
            ("POST", "/", &[("content-type", "application/json"), LIST]),
            (
                "POST",
                "/",
                &[("content-type", "application/x-amz-json-1.10"), LIST],
            ),
            ("POST", "/", &[("content-type", ""), LIST]),
            ("POST", "/", &[JSON, JSON, LIST]),
        ];
        for (method, uri, headers) in cases {
            let parts = parts(method, uri, headers);
            assert_eq!(
                Target::read(&parts),
                Err(TargetError::NotAnApiCall),
                "{method} {uri} {headers:?}"
            );
        }
        let answer = TargetError::NotAnApiCall.render(&RequestId::from_bytes([0; 16]));
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, b"<UnknownOperationException/>");
    }

    #[test]
    fn a_target_that_names_nothing_is_an_unknown_operation() {
        let targets: [&[&str]; 10] = [
            &[],
            &[""],
            &["ListSecrets"],
            &["secretsmanager."],
            &[".ListSecrets"],
            &["SecretsManager.ListSecrets"],
            &["secretsmanager.List Secrets"],
            &["secretsmanager.ListSecrets.x"],
            &["trentservice.Decrypt"],
            &["secretsmanager.ListSecrets", "secretsmanager.DeleteSecret"],
        ];
        for values in targets {
            let mut headers = vec![JSON];
            headers.extend(values.iter().map(|value| ("x-amz-target", *value)));
            let parts = parts("POST", "/", &headers);
            assert_eq!(
                Target::read(&parts),
                Err(TargetError::UnknownOperation),
                "{values:?}"
            );
        }
        let answer = TargetError::UnknownOperation.render(&RequestId::from_bytes([0; 16]));
        assert_eq!(answer.status, 400);
        assert_eq!(answer.content_type, "application/x-amz-json-1.1");
        assert_eq!(answer.body, br#"{"__type":"UnknownOperationException"}"#);
    }

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }
}
