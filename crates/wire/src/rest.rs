//! restJson: which operation method and path name, and the request that path, query, headers and body make up as one
//! JSON document. It may not know what the operations are beyond that.
//!
//! Source: the Smithy specification, AWS restJson1; botocore's model of Lambda (2015-03-31), `http` of each operation.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::sigv4::{decode, pairs};

/// How an operation of Lambda is addressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) operation: &'static str,
    method: &'static str,
    /// Segments between slashes; one in braces is a member.
    path: &'static str,
    /// Of an answer that is no error.
    pub(crate) status: u16,
    elsewhere: &'static [Elsewhere],
    body: Body,
    /// Where a body may be larger than those of other requests: how large.
    pub(crate) body_bytes_max: Option<usize>,
}

/// A member that is neither in the path nor in the body.
#[derive(Debug, PartialEq, Eq)]
enum Elsewhere {
    /// In the query, under the member's name.
    Query(&'static str),
    /// The same, a number.
    QueryNumber(&'static str),
    /// Under another name, and as often as it has items.
    QueryList(&'static str, &'static str),
    /// In a header.
    Header(&'static str, &'static str),
}

use Elsewhere::{Header, Query, QueryList, QueryNumber};

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// The members that are nowhere else, as JSON.
    Members,
    /// Something that isn't looked into here, or nothing.
    Opaque,
}

/// Bytes of a request with a deployment package: 50 MiB in base64, and room for the rest.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Deployment package size.
const PACKAGE_BODY_BYTES_MAX: usize = 70 * 1024 * 1024;
/// Bytes of what a function is given.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Invocation payload.
const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

const fn get(operation: &'static str, path: &'static str) -> Route {
    Route {
        operation,
        method: "GET",
        path,
        status: 200,
        elsewhere: &[],
        body: Body::Opaque,
        body_bytes_max: None,
    }
}

const fn delete(operation: &'static str, path: &'static str) -> Route {
    Route {
        method: "DELETE",
        status: 204,
        ..get(operation, path)
    }
}

const fn post(operation: &'static str, path: &'static str) -> Route {
    Route {
        method: "POST",
        status: 201,
        body: Body::Members,
        ..get(operation, path)
    }
}

const fn put(operation: &'static str, path: &'static str) -> Route {
    Route {
        method: "PUT",
        body: Body::Members,
        ..get(operation, path)
    }
}

impl Route {
    const fn with(self, elsewhere: &'static [Elsewhere]) -> Self {
        Route { elsewhere, ..self }
    }

    const fn large(self, bytes_max: usize) -> Self {
        Route {
            body_bytes_max: Some(bytes_max),
            ..self
        }
    }
}

const QUALIFIED: &[Elsewhere] = &[Query("Qualifier")];
const PAGED: &[Elsewhere] = &[Query("Marker"), QueryNumber("MaxItems")];

/// Every operation of Lambda that is answered here.
static ROUTES: &[Route] = &[
    get("ListFunctions", "2015-03-31/functions").with(&[
        Query("MasterRegion"),
        Query("FunctionVersion"),
        Query("Marker"),
        QueryNumber("MaxItems"),
    ]),
    post("CreateFunction", "2015-03-31/functions").large(PACKAGE_BODY_BYTES_MAX),
    get("GetFunction", "2015-03-31/functions/{FunctionName}").with(QUALIFIED),
    delete("DeleteFunction", "2015-03-31/functions/{FunctionName}").with(QUALIFIED),
    put(
        "UpdateFunctionCode",
        "2015-03-31/functions/{FunctionName}/code",
    )
    .large(PACKAGE_BODY_BYTES_MAX),
    get(
        "GetFunctionConfiguration",
        "2015-03-31/functions/{FunctionName}/configuration",
    )
    .with(QUALIFIED),
    put(
        "UpdateFunctionConfiguration",
        "2015-03-31/functions/{FunctionName}/configuration",
    ),
    Route {
        body: Body::Opaque,
        status: 200,
        ..post("Invoke", "2015-03-31/functions/{FunctionName}/invocations")
    }
    .with(&[
        Query("Qualifier"),
        Header("x-amz-invocation-type", "InvocationType"),
        Header("x-amz-log-type", "LogType"),
        Header("x-amz-client-context", "ClientContext"),
        Header("x-amz-durable-execution-name", "DurableExecutionName"),
        Header("x-amz-tenant-id", "TenantId"),
    ])
    .large(PAYLOAD_BYTES_MAX),
    post(
        "PublishVersion",
        "2015-03-31/functions/{FunctionName}/versions",
    ),
    get(
        "ListVersionsByFunction",
        "2015-03-31/functions/{FunctionName}/versions",
    )
    .with(PAGED),
    post("CreateAlias", "2015-03-31/functions/{FunctionName}/aliases"),
    get("ListAliases", "2015-03-31/functions/{FunctionName}/aliases").with(&[
        Query("FunctionVersion"),
        Query("Marker"),
        QueryNumber("MaxItems"),
    ]),
    get(
        "GetAlias",
        "2015-03-31/functions/{FunctionName}/aliases/{Name}",
    ),
    put(
        "UpdateAlias",
        "2015-03-31/functions/{FunctionName}/aliases/{Name}",
    ),
    delete(
        "DeleteAlias",
        "2015-03-31/functions/{FunctionName}/aliases/{Name}",
    ),
    post(
        "AddPermission",
        "2015-03-31/functions/{FunctionName}/policy",
    )
    .with(QUALIFIED),
    get("GetPolicy", "2015-03-31/functions/{FunctionName}/policy").with(QUALIFIED),
    delete(
        "RemovePermission",
        "2015-03-31/functions/{FunctionName}/policy/{StatementId}",
    )
    .with(&[Query("Qualifier"), Query("RevisionId")]),
    get("ListTags", "2017-03-31/tags/{Resource}"),
    Route {
        status: 204,
        ..post("TagResource", "2017-03-31/tags/{Resource}")
    },
    delete("UntagResource", "2017-03-31/tags/{Resource}").with(&[QueryList("tagKeys", "TagKeys")]),
];

/// An operation that a path names, and the members that aren't in the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rest {
    pub(crate) route: &'static Route,
    members: Map<String, Value>,
}

/// Why a request names no operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoute {
    /// Nothing has such a method and path.
    Unknown,
    /// What it says can't be read in one way only.
    Malformed,
}

impl Rest {
    /// Reads method, path, query and headers.
    pub(crate) fn read(parts: &Parts) -> Result<Self, NoRoute> {
        let (route, mut members) = find(parts)?;
        for each in route.elsewhere {
            let (member, value) = match *each {
                Query(name) => (name, query(parts, name)?.map(Value::from)),
                // What is no number is refused as what it is.
                QueryNumber(name) => (
                    name,
                    query(parts, name)?
                        .map(|text| text.parse::<i64>().map_or(Value::from(text), Value::from)),
                ),
                QueryList(name, member) => {
                    let items: Vec<Value> = queried(parts, name)
                        .map(|item| item.map(Value::from))
                        .collect::<Result<_, _>>()?;
                    (member, (!items.is_empty()).then_some(Value::Array(items)))
                }
                Header(name, member) => (member, header(&parts.headers, name)?.map(Value::from)),
            };
            if let Some(value) = value {
                members.insert(member.to_owned(), value);
            }
        }
        Ok(Rest { route, members })
    }

    /// The request as one JSON document.
    pub(crate) fn request<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        // Writing texts and numbers into a vector has no way to fail.
        let members = serde_json::to_vec(&self.members).unwrap_or_default();
        if self.route.body == Body::Opaque {
            return Cow::Owned(members);
        }
        let body = body.trim_ascii();
        if self.members.is_empty() || (!body.is_empty() && body.last() != Some(&b'}')) {
            return Cow::Borrowed(body);
        }
        // Those of path and query come last: of members that are there twice the last one counts.
        let mut whole = Vec::with_capacity(body.len() + members.len());
        match body.split_last().map(|(_, rest)| rest.trim_ascii_end()) {
            None | Some(b"{") => return Cow::Owned(members),
            Some(rest) => whole.extend_from_slice(rest),
        }
        whole.push(b',');
        whole.extend_from_slice(&members[1..]);
        Cow::Owned(whole)
    }
}

/// How large the body of a request may be, where it may be larger than those of most.
pub(crate) fn body_bytes_max(parts: &Parts) -> Option<usize> {
    find(parts).ok()?.0.body_bytes_max
}

/// Whether a request invokes a function.
pub(crate) fn is_invocation(parts: &Parts) -> bool {
    find(parts).is_ok_and(|(route, _)| route.operation == "Invoke")
}

fn find(parts: &Parts) -> Result<(&'static Route, Map<String, Value>), NoRoute> {
    let path = parts.uri.path().strip_prefix('/').unwrap_or_default();
    // Some clients end the paths of lists with a slash.
    let path = path.strip_suffix('/').unwrap_or(path);
    // Where requests of all other services go, which are many.
    if path.is_empty() {
        return Err(NoRoute::Unknown);
    }
    let mut routes = ROUTES.iter();
    let route = routes.find(|route| {
        route.method == parts.method.as_str()
            && path.split('/').count() == route.path.split('/').count()
            && route
                .path
                .split('/')
                .zip(path.split('/'))
                .all(|(wanted, found)| member_of(wanted).is_some() || wanted == found)
    });
    let route = route.ok_or(NoRoute::Unknown)?;
    let mut members = Map::new();
    for (wanted, found) in route.path.split('/').zip(path.split('/')) {
        let Some(member) = member_of(wanted) else {
            continue;
        };
        // Signatures leave out empty segments and resolve these, so nobody has vouched for their place.
        if matches!(found, "" | "." | "..") {
            return Err(NoRoute::Malformed);
        }
        members.insert(member.to_owned(), Value::from(text(found)?));
    }
    Ok((route, members))
}

fn member_of(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Of a parameter that is there once. A signature covers them sorted: in which order they were sent nobody vouches for.
fn query(parts: &Parts, name: &str) -> Result<Option<String>, NoRoute> {
    let mut values = queried(parts, name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.map(Some),
        (Some(_), Some(_)) => Err(NoRoute::Malformed),
    }
}

fn queried<'p>(
    parts: &'p Parts,
    name: &'p str,
) -> impl Iterator<Item = Result<String, NoRoute>> + 'p {
    let query = parts.uri.query().unwrap_or_default();
    pairs(query)
        .filter(move |(found, _)| decode(found) == name)
        .map(|(_, value)| text(value))
}

fn text(encoded: &str) -> Result<String, NoRoute> {
    let decoded = decode(encoded);
    // What isn't UTF-8 was replaced by this, which nothing here may hold.
    if decoded.contains('\u{fffd}') {
        return Err(NoRoute::Malformed);
    }
    Ok(decoded.into_owned())
}

fn header(headers: &HeaderMap, name: &str) -> Result<Option<String>, NoRoute> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| NoRoute::Malformed)?;
            Ok(Some(text.to_owned()))
        }
        (Some(_), Some(_)) => Err(NoRoute::Malformed),
    }
}

impl NoRoute {
    /// Status, code and message.
    pub(crate) fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            NoRoute::Unknown => (
                StatusCode::NOT_FOUND,
                "UnknownOperationException",
                "Strongroom has no such operation of Lambda: it has those that rotation functions need, which \
                 docs/functions.md lists.",
            ),
            NoRoute::Malformed => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                "The path, a parameter or a header of the request can't be read, or is there twice.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn method_and_path_name_an_operation_and_make_up_one_document_with_the_rest() {
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af";
        for (method, uri, body, operation, document) in [
            (
                "GET",
                "/2015-03-31/functions/?MaxItems=2&Marker=a%2Fb".to_owned(),
                "",
                "ListFunctions",
                r#"{"Marker":"a/b","MaxItems":2}"#,
            ),
            (
                "POST",
                "/2015-03-31/functions".to_owned(),
                r#" {"FunctionName":"f"} "#,
                "CreateFunction",
                r#"{"FunctionName":"f"}"#,
            ),
            (
                "PUT",
                "/2015-03-31/functions/f/code".to_owned(),
                r#"{"FunctionName":"g","Publish":true }"#,
                "UpdateFunctionCode",
                r#"{"FunctionName":"g","Publish":true,"FunctionName":"f"}"#,
            ),
            (
                "POST",
                "/2015-03-31/functions/f/versions".to_owned(),
                "{ }",
                "PublishVersion",
                r#"{"FunctionName":"f"}"#,
            ),
            (
                "POST",
                "/2015-03-31/functions/f/versions".to_owned(),
                "",
                "PublishVersion",
                r#"{"FunctionName":"f"}"#,
            ),
            (
                "DELETE",
                format!("/2015-03-31/functions/{arn}?Qualifier=%24LATEST"),
                "ignored",
                "DeleteFunction",
                r#"{"FunctionName":"arn:aws:lambda:us-east-1:123456789012:function:f","Qualifier":"$LATEST"}"#,
            ),
            (
                "DELETE",
                "/2017-03-31/tags/x?tagKeys=a&tagKeys=b%26".to_owned(),
                "",
                "UntagResource",
                r#"{"Resource":"x","TagKeys":["a","b&"]}"#,
            ),
            (
                "GET",
                "/2015-03-31/functions?MaxItems=all".to_owned(),
                "",
                "ListFunctions",
                r#"{"MaxItems":"all"}"#,
            ),
        ] {
            let parts = parts(method, &uri, &[]);
            let rest = Rest::read(&parts).unwrap();
            assert_eq!(rest.route.operation, operation);
            let found = rest.request(body.as_bytes());
            assert_eq!(str::from_utf8(&found).unwrap(), document, "{method} {uri}");
        }
    }

    #[test]
    fn what_a_function_is_given_is_no_part_of_the_document() {
        let headers = [
            ("x-amz-invocation-type", "Event"),
            ("X-Amz-Log-Type", "Tail"),
        ];
        let parts = parts("POST", "/2015-03-31/functions/f/invocations", &headers);
        let rest = Rest::read(&parts).unwrap();
        let found = rest.request(br#"{"FunctionName":"g"}"#);
        let expected = r#"{"FunctionName":"f","InvocationType":"Event","LogType":"Tail"}"#;
        assert_eq!(str::from_utf8(&found).unwrap(), expected);
    }

    #[test]
    fn a_path_or_parameter_with_two_meanings_is_refused() {
        for (method, uri, expected) in [
            (
                "GET",
                "/2015-03-31/functions/f/invocations",
                NoRoute::Unknown,
            ),
            ("PUT", "/2015-03-31/functions", NoRoute::Unknown),
            ("GET", "/2014-03-31/functions", NoRoute::Unknown),
            ("GET", "//2015-03-31/functions", NoRoute::Unknown),
            ("GET", "/2015-03-31/functions//", NoRoute::Malformed),
            ("GET", "/2015-03-31/functions/..", NoRoute::Malformed),
            ("GET", "/2015-03-31/functions/./policy", NoRoute::Malformed),
            ("GET", "/2015-03-31/functions/%ff", NoRoute::Malformed),
            (
                "GET",
                "/2015-03-31/functions/f?Qualifier=1&Qualifier=2",
                NoRoute::Malformed,
            ),
            (
                "GET",
                "/2015-03-31/functions/f?Qualifier=1&%51ualifier=1",
                NoRoute::Malformed,
            ),
        ] {
            let parts = parts(method, uri, &[]);
            assert_eq!(Rest::read(&parts).unwrap_err(), expected, "{method} {uri}");
        }
    }

    #[test]
    fn only_packages_and_what_functions_are_given_may_be_large() {
        for (method, uri, expected) in [
            (
                "POST",
                "/2015-03-31/functions",
                Some(PACKAGE_BODY_BYTES_MAX),
            ),
            (
                "PUT",
                "/2015-03-31/functions/f/code",
                Some(PACKAGE_BODY_BYTES_MAX),
            ),
            (
                "POST",
                "/2015-03-31/functions/f/invocations",
                Some(PAYLOAD_BYTES_MAX),
            ),
            ("PUT", "/2015-03-31/functions/f/configuration", None),
            ("GET", "/2015-03-31/functions", None),
            ("POST", "/", None),
        ] {
            assert_eq!(body_bytes_max(&parts(method, uri, &[])), expected, "{uri}");
        }
    }
}
