//! Which operation of which service a request means, and whether it was signed for that service.
//! It may not know what the operations are.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use crate::error_body::{self, ErrorBody, Protocol, Rendered};
use crate::query::{self, Form, MalformedForm};
use crate::request_id::RequestId;
use crate::rest::{self, NoRoute, Rest};
use crate::sigv4::{self, AuthError, Scope};

/// A service that is served here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// AWS CloudTrail.
    CloudTrail,
    /// AWS Identity and Access Management.
    Iam,
    /// AWS Key Management Service.
    Kms,
    /// AWS Lambda.
    Lambda,
    /// AWS Secrets Manager.
    SecretsManager,
    /// AWS Security Token Service.
    Sts,
}

impl Service {
    /// Every service, in no order that matters.
    pub const ALL: &[Service] = &[
        Service::CloudTrail,
        Service::Iam,
        Service::Kms,
        Service::Lambda,
        Service::SecretsManager,
        Service::Sts,
    ];

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
            Service::CloudTrail => &Row {
                signing_name: "cloudtrail",
                protocol: Protocol::AwsJson,
                addressed_by: Addressed::TargetPrefix(
                    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
                ),
            },
            Service::Iam => &Row {
                signing_name: "iam",
                protocol: Protocol::Query {
                    xmlns: "https://iam.amazonaws.com/doc/2010-05-08/",
                },
                addressed_by: Addressed::Version("2010-05-08"),
            },
            Service::Kms => &Row {
                signing_name: "kms",
                protocol: Protocol::AwsJson,
                addressed_by: Addressed::TargetPrefix("TrentService"),
            },
            Service::Lambda => &Row {
                signing_name: "lambda",
                protocol: Protocol::RestJson,
                addressed_by: Addressed::Path,
            },
            Service::SecretsManager => &Row {
                signing_name: "secretsmanager",
                protocol: Protocol::AwsJson,
                addressed_by: Addressed::TargetPrefix("secretsmanager"),
            },
            Service::Sts => &Row {
                signing_name: "sts",
                protocol: Protocol::Query {
                    xmlns: "https://sts.amazonaws.com/doc/2011-06-15/",
                },
                addressed_by: Addressed::Version("2011-06-15"),
            },
        }
    }
}

/// What a request asks for.
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
/// let target = Target::read(&parts, b"{}").unwrap();
/// assert_eq!(target.service(), Service::SecretsManager);
/// assert_eq!(target.operation(), "GetSecretValue");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target<'r> {
    service: Service,
    operation: Cow<'r, str>,
    framing: Framing<'r>,
}

/// Where the request is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Framing<'r> {
    /// In the body.
    Body,
    /// In the parameters, in the query protocol.
    Form(Form<'r>),
    /// All over.
    Rest(Rest),
}

impl<'r> Target<'r> {
    /// Reads what names the operation: method, path, `Content-Type` and `X-Amz-Target`, or the parameters `Action`
    /// and `Version`, be they in the query string or in a form in the body, or method and path alone.
    ///
    /// Which service an action belongs to says the signature's scope, as the endpoint's name does at AWS; without a
    /// signature that can be read, or with one for a service that has no actions, the version says it.
    ///
    /// # Errors
    /// [`TargetError`], and nothing else causes one:
    /// - `NotAnApiCall`: another path than `/` and those of Lambda, or neither `POST` with one `Content-Type` of an API (parameters such as
    ///   a charset are fine) nor an action;
    /// - `UnknownOperation`: not one `X-Amz-Target`, another prefix than a service's, or a name that can't be one;
    /// - `UnknownAction`: likewise in the query protocol, or a version that the service hasn't;
    /// - `NoRoute`: a path that is none of the service's it was signed for, or that has two meanings;
    /// - `MalformedForm`: parameters that aren't UTF-8, or one twice in the query string.
    ///
    /// Source: awsJson1.1 and AWS Query in the Smithy specification; the answers from experience.
    pub fn read(parts: &'r Parts, body: &'r [u8]) -> Result<Self, TargetError> {
        if parts.uri.path() != "/" {
            return Self::read_path(parts);
        }
        let media_type = only(&parts.headers, &CONTENT_TYPE)
            .and_then(|value| value.split(';').next())
            .map(str::trim);
        let is = |wanted: &str| media_type.is_some_and(|it| it.eq_ignore_ascii_case(wanted));
        if parts.method == Method::POST && is(error_body::AWS_JSON_CONTENT_TYPE) {
            return Self::read_header(parts);
        }
        let body = match parts.method {
            Method::POST if is(FORM_CONTENT_TYPE) => body,
            Method::GET => &[],
            _ => return Err(TargetError::NotAnApiCall),
        };
        Self::read_form(parts, body)
    }

    fn read_header(parts: &'r Parts) -> Result<Self, TargetError> {
        let (prefix, operation) = only(&parts.headers, &X_AMZ_TARGET)
            .and_then(|value| value.rsplit_once('.'))
            .ok_or(TargetError::UnknownOperation)?;
        let service = Service::addressed_by(&Addressed::TargetPrefix(prefix))
            .ok_or(TargetError::UnknownOperation)?;
        if !can_be_operation(operation) {
            return Err(TargetError::UnknownOperation);
        }
        Ok(Self {
            service,
            operation: Cow::Borrowed(operation),
            framing: Framing::Body,
        })
    }

    /// What has neither such a path nor a signature for a service with paths is no call of the API.
    fn read_path(parts: &'r Parts) -> Result<Self, TargetError> {
        let service = Service::Lambda;
        let rest = match Rest::read(parts) {
            Ok(rest) => rest,
            Err(NoRoute::Unknown) if !is_signed_for(service, parts) => {
                return Err(TargetError::NotAnApiCall);
            }
            Err(no_route) => {
                return Err(TargetError::NoRoute {
                    service,
                    no_route: no_route.into(),
                });
            }
        };
        Ok(Self {
            service,
            operation: Cow::Borrowed(rest.route.operation),
            framing: Framing::Rest(rest),
        })
    }

    fn read_form(parts: &'r Parts, body: &'r [u8]) -> Result<Self, TargetError> {
        let mut form = Form::default();
        let query = parts.uri.query().unwrap_or_default();
        let added = form
            .add_query(query.as_bytes())
            .and_then(|()| form.add_body(body));
        let version = form.value("Version").unwrap_or_default();
        let service = service_of_scope(parts)
            .or_else(|| Service::addressed_by(&Addressed::Version(version)))
            .ok_or(TargetError::NotAnApiCall)?;
        added.map_err(|malformed| TargetError::MalformedForm { service, malformed })?;
        let operation = form.value("Action").unwrap_or_default();
        let known = service.row().addressed_by == Addressed::Version(version);
        if !known || !can_be_operation(operation) {
            return Err(TargetError::UnknownAction {
                service,
                action: operation.to_owned(),
                version: version.to_owned(),
            });
        }
        Ok(Self {
            service,
            operation: Cow::Owned(operation.to_owned()),
            framing: Framing::Form(form),
        })
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// The operation's name as the client wrote it: letters and digits, at least one. It may be none of the service's.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The request as JSON: its body, or the document that its parameters spell.
    ///
    /// # Errors
    /// The answer to parameters that spell nothing.
    pub fn request<'b>(&self, body: &'b [u8]) -> Result<Cow<'b, [u8]>, ErrorBody> {
        match &self.framing {
            Framing::Body => Ok(Cow::Borrowed(body)),
            Framing::Form(form) => form.to_json().map(Cow::Owned).map_err(malformed_form),
            Framing::Rest(rest) => Ok(rest.request(body)),
        }
    }

    /// Frames the response of the operation, which is JSON or nothing.
    ///
    /// # Errors
    /// It is something else.
    pub fn answer(
        &self,
        response: Vec<u8>,
        request_id: &RequestId,
    ) -> Result<Rendered, serde_json::Error> {
        let (content_type, body) = match self.service.protocol() {
            Protocol::AwsJson => (error_body::AWS_JSON_CONTENT_TYPE, response),
            Protocol::RestJson if response.is_empty() => ("", response),
            Protocol::RestJson => (error_body::REST_JSON_CONTENT_TYPE, response),
            Protocol::Query { xmlns } => (
                error_body::XML_CONTENT_TYPE,
                query::answer(xmlns, &self.operation, &response, request_id)?,
            ),
        };
        let status = match &self.framing {
            Framing::Rest(rest) => StatusCode::from_u16(rest.route.status).unwrap_or_default(),
            Framing::Body | Framing::Form(_) => StatusCode::OK,
        };
        Ok(Rendered::new(status, content_type, body))
    }

    /// The error for an operation that the service hasn't.
    #[must_use]
    pub fn unknown_operation(&self) -> ErrorBody {
        match &self.framing {
            Framing::Body | Framing::Rest(_) => unknown_operation(),
            Framing::Form(form) => {
                unknown_action(&self.operation, form.value("Version").unwrap_or_default())
            }
        }
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
    fn addressed_by(address: &Addressed<'_>) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|service| service.row().addressed_by == *address)
    }
}

/// How large the body of a request may be, where that is more than for most: it is to Lambda, and carries a package or
/// what a function is given.
#[must_use]
pub fn large_body_bytes_max(parts: &Parts) -> Option<usize> {
    rest::body_bytes_max(parts)
}

/// Whether a request may be one that invokes a function.
#[must_use]
pub fn awaits_a_function(parts: &Parts) -> bool {
    rest::is_invocation(parts)
}

fn is_signed_for(service: Service, parts: &Parts) -> bool {
    sigv4::read(parts).is_ok_and(|signed| signed.service() == service.signing_name())
}

/// The service with actions that a request was signed for.
fn service_of_scope(parts: &Parts) -> Option<Service> {
    let signed = sigv4::read(parts).ok()?;
    let mut all = Service::ALL.iter().copied();
    all.find(|service| {
        matches!(service.protocol(), Protocol::Query { .. })
            && service.signing_name() == signed.service()
    })
}

fn can_be_operation(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Why a request names no operation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TargetError {
    /// It is a browser's or a stray client's request.
    #[error("not a call of the API: send POST / with Content-Type: application/x-amz-json-1.1")]
    NotAnApiCall,
    /// It is a call of the API, but of nothing that exists.
    #[error(
        "X-Amz-Target names no operation: send <prefix>.<Operation>, such as secretsmanager.GetSecretValue"
    )]
    UnknownOperation,
    /// The same in the query protocol.
    #[error("no service has the action {action:?} in its version {version:?}")]
    UnknownAction {
        /// The service that it was sent to.
        service: Service,
        /// What was asked for.
        action: String,
        /// In which version.
        version: String,
    },
    /// Its path names nothing of the service's, or nothing that can be read.
    #[error("{no_route}")]
    NoRoute {
        /// The service that it was sent to.
        service: Service,
        /// Why.
        no_route: UnknownPath,
    },
    /// Its parameters can't be read.
    #[error("{malformed}")]
    MalformedForm {
        /// The service that it was sent to.
        service: Service,
        /// Why.
        malformed: MalformedForm,
    },
}

/// Why a path names no operation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct UnknownPath {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl From<NoRoute> for UnknownPath {
    fn from(no_route: NoRoute) -> Self {
        let (status, code, message) = no_route.words();
        UnknownPath {
            status,
            code,
            message,
        }
    }
}

impl TargetError {
    /// The service that it was sent to, where that is known.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        match self {
            TargetError::NotAnApiCall | TargetError::UnknownOperation => None,
            TargetError::UnknownAction { service, .. }
            | TargetError::NoRoute { service, .. }
            | TargetError::MalformedForm { service, .. } => Some(*service),
        }
    }

    /// The error's code, as the client learns it.
    #[must_use]
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            TargetError::NotAnApiCall | TargetError::UnknownOperation => unknown_operation().code,
            TargetError::UnknownAction {
                action, version, ..
            } => unknown_action(action, version).code,
            TargetError::NoRoute { no_route, .. } => no_route.code.into(),
            TargetError::MalformedForm { malformed, .. } => malformed_form(*malformed).code,
        }
    }

    /// The answer AWS gives: 404 in XML without a word, or an error in the protocol's form.
    #[must_use]
    pub fn render(&self, request_id: &RequestId) -> Rendered {
        match self {
            TargetError::NotAnApiCall => Rendered::unknown_operation(),
            TargetError::UnknownOperation => {
                unknown_operation().render(Protocol::AwsJson, request_id)
            }
            TargetError::UnknownAction {
                service,
                action,
                version,
            } => unknown_action(action, version).render(service.protocol(), request_id),
            TargetError::NoRoute { service, no_route } => {
                ErrorBody::framework(no_route.code, Some(no_route.message.to_owned()))
                    .with_status(no_route.status)
                    .render(service.protocol(), request_id)
            }
            TargetError::MalformedForm { service, malformed } => {
                malformed_form(*malformed).render(service.protocol(), request_id)
            }
        }
    }
}

/// The awsJson error for an operation that the service hasn't.
#[must_use]
pub fn unknown_operation() -> ErrorBody {
    ErrorBody::framework("UnknownOperationException", None)
}

/// Source: "Common Errors" of IAM and STS; the texts from experience.
fn unknown_action(action: &str, version: &str) -> ErrorBody {
    if action.is_empty() {
        let message = "The request is missing an action or a required parameter.";
        return ErrorBody::framework("MissingAction", Some(message.to_owned()));
    }
    let message = format!("Could not find operation {action} for version {version}");
    ErrorBody::framework("InvalidAction", Some(message))
}

fn malformed_form(malformed: MalformedForm) -> ErrorBody {
    ErrorBody::framework("MalformedQueryString", Some(malformed.to_string()))
        .with_status(StatusCode::NOT_FOUND)
}

struct Row {
    signing_name: &'static str,
    protocol: Protocol,
    addressed_by: Addressed<'static>,
}

/// What in a request names its service.
#[derive(PartialEq, Eq)]
enum Addressed<'r> {
    /// What stands before the dot in `X-Amz-Target`.
    TargetPrefix(&'r str),
    /// The version of the API in the parameters.
    Version(&'r str),
    /// Method and path.
    Path,
}

const FORM_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

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
            let target = Target::read(&parts, b"").unwrap();
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
            let read = Target::read(&parts, b"").unwrap().service();
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
        let target = Target::read(&parts, b"").unwrap();
        assert_eq!(target.operation(), "Nothing1");
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
                Target::read(&parts, b""),
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
                Target::read(&parts, b""),
                Err(TargetError::UnknownOperation),
                "{values:?}"
            );
        }
        let answer = TargetError::UnknownOperation.render(&RequestId::from_bytes([0; 16]));
        assert_eq!(answer.status, 400);
        assert_eq!(answer.content_type, "application/x-amz-json-1.1");
        assert_eq!(answer.body, br#"{"__type":"UnknownOperationException"}"#);
    }

    const FORM: (&str, &str) = (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

    #[test]
    fn an_action_is_read_from_the_query_or_the_body() {
        let in_query = format!("/?{WHO}");
        for (method, uri, headers, body) in [
            ("POST", "/", &[FORM][..], WHO),
            (
                "POST",
                "/?Version=2011-06-15",
                &[FORM],
                "Action=GetCallerIdentity",
            ),
            ("POST", &in_query, &[FORM], ""),
            ("GET", &in_query, &[], ""),
        ] {
            let parts = parts(method, uri, headers);
            let target = Target::read(&parts, body.as_bytes()).unwrap();
            let named = (target.service(), target.operation());
            assert_eq!(named, (Service::Sts, "GetCallerIdentity"), "{method} {uri}");
            let request = target.request(b"").unwrap();
            let document = br#"{"Action":"GetCallerIdentity","Version":"2011-06-15"}"#;
            assert_eq!(&request[..], document);
        }
    }

    #[test]
    fn the_scope_says_which_service_an_action_belongs_to() {
        let credential = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, Signature=a"
            )
        };
        let date = ("x-amz-date", "20260101T000000Z");
        for (signed_for, version, expected) in [
            ("iam", "2010-05-08", Some(Service::Iam)),
            ("sts", "2011-06-15", Some(Service::Sts)),
            ("iam", "2011-06-15", None),
            ("sts", "2010-05-08", None),
            ("iam", "", None),
            // The scope is refused later, with what it should have been.
            ("secretsmanager", "2010-05-08", Some(Service::Iam)),
        ] {
            let authorization = credential(signed_for);
            let parts = parts(
                "POST",
                "/",
                &[FORM, date, ("authorization", &authorization)],
            );
            let body = format!("Action=GetUser&Version={version}");
            let read = Target::read(&parts, body.as_bytes());
            let read = read.ok().map(|target| target.service());
            assert_eq!(read, expected, "{signed_for} {version}");
        }
    }

    #[test]
    fn an_action_that_names_nothing_is_refused_in_xml() {
        for (body, code, status) in [
            ("Action=Get-User&Version=2010-05-08", "InvalidAction", 400),
            ("Version=2010-05-08", "MissingAction", 400),
            ("Action=GetUser&Version=2010-05-08&A=%ff", "", 404),
            ("Action=GetUser&Version=2010-05-07", "", 404),
            ("", "", 404),
        ] {
            let parts = parts("POST", "/", &[FORM]);
            let error = Target::read(&parts, body.as_bytes()).unwrap_err();
            let answer = error.render(&RequestId::from_bytes([0; 16]));
            assert_eq!(answer.status, status, "{body}");
            let text = str::from_utf8(&answer.body).unwrap();
            assert!(text.contains(code), "{text}");
        }
        let parts = parts("POST", "/", &[FORM]);
        let spells_nothing = b"Action=GetUser&Version=2010-05-08&A=1&A.B=2";
        let target = Target::read(&parts, spells_nothing).unwrap();
        assert_eq!(
            target.request(b"").unwrap_err().code,
            "MalformedQueryString"
        );
        assert_eq!(target.unknown_operation().code, "InvalidAction");
    }

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }
}
