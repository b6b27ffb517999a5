//! Signed requests as the bytes that go over the wire, with the headers that boto3 sends.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Request;
use http::request::Parts;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::Signer;

use crate::Failed;

pub(crate) const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const REGION: &str = "us-east-1";

/// Who signs.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

impl Credentials {
    /// Those of the account's root.
    pub(crate) fn root() -> Self {
        Credentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            session_token: None,
        }
    }
}

/// Makes requests to one server.
pub(crate) struct Requests {
    signer: Signer,
    host: String,
    service: Service,
}

/// Which service is asked.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    SecretsManager,
    Kms,
    Iam,
    Sts,
}

impl Service {
    fn signing_name(self) -> &'static str {
        match self {
            Service::SecretsManager => "secretsmanager",
            Service::Kms => "kms",
            Service::Iam => "iam",
            Service::Sts => "sts",
        }
    }

    /// How its operations are named.
    fn naming(self) -> Naming {
        match self {
            Service::SecretsManager => Naming::Target("secretsmanager"),
            Service::Kms => Naming::Target("TrentService"),
            Service::Iam => Naming::Version("2010-05-08"),
            Service::Sts => Naming::Version("2011-06-15"),
        }
    }
}

enum Naming {
    /// By a header, behind this prefix; bodies are JSON.
    Target(&'static str),
    /// Among the parameters, beside this version; bodies are forms.
    Version(&'static str),
}

impl Requests {
    pub(crate) fn to(server: SocketAddr) -> Result<Self, Failed> {
        Self::of(Service::SecretsManager, server)
    }

    pub(crate) fn of(service: Service, server: SocketAddr) -> Result<Self, Failed> {
        Self::by(&Credentials::root(), service, server)
    }

    pub(crate) fn by(
        credentials: &Credentials,
        service: Service,
        server: SocketAddr,
    ) -> Result<Self, Failed> {
        let signer = Signer::new(
            credentials.access_key_id.as_str(),
            SecretBytes::copy_of(credentials.secret_access_key.as_bytes()),
            credentials.session_token.clone(),
            REGION,
            service.signing_name(),
        )?;
        Ok(Self {
            signer,
            host: server.to_string(),
            service,
        })
    }

    /// A request whose parameters are a form, signed now.
    pub(crate) fn make_form(
        &mut self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<u8>, Failed> {
        let Naming::Version(version) = self.service.naming() else {
            return Err("the service takes no forms".into());
        };
        let named = [("Action", operation), ("Version", version)];
        let all = named.iter().chain(parameters);
        let pairs: Vec<String> = all
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        self.make(operation, pairs.join("&").as_bytes())
    }

    /// A request, signed now.
    pub(crate) fn make(&mut self, operation: &str, body: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut parts = self.parts(operation)?;
        self.signer.sign(&mut parts, body, now())?;
        let mut bytes = Vec::with_capacity(1_024 + body.len());
        bytes.extend_from_slice(b"POST / HTTP/1.1\r\n");
        for (name, value) in &parts.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        Ok(bytes)
    }

    fn parts(&self, operation: &str) -> Result<Parts, Failed> {
        let request = Request::post("/")
            .header("host", &self.host)
            .header("accept-encoding", "identity")
            .header("user-agent", USER_AGENT);
        let request = match self.service.naming() {
            Naming::Target(prefix) => request
                .header("x-amz-target", format!("{prefix}.{operation}"))
                .header("content-type", "application/x-amz-json-1.1"),
            Naming::Version(_) => {
                request.header("content-type", "application/x-www-form-urlencoded")
            }
        };
        let request = request.body(())?;
        Ok(request.into_parts().0)
    }
}

/// A name or a value of a form.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

/// A value of 1 KiB, another one for each number: JSON, so with quotes that must be escaped, as most secrets have.
pub(crate) fn value(number: usize) -> String {
    let start = format!(r#"{{"username":"user-{number:08}","password":""#);
    let mut state = number as u64;
    let filler = (start.len()..VALUE_BYTES - 2).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
                [(state >> 58) as usize],
        )
    });
    let filler: String = filler.collect();
    format!(r#"{start}{filler}"}}"#)
}

const VALUE_BYTES: usize = 1_024;
const USER_AGENT: &str = "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux#6.12 md/arch#x86_64 lang/python#3.13.5 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.40.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_of_one_kibibyte_and_no_two_are_alike() {
        let (one, other) = (value(1), value(2));
        assert_eq!((one.len(), other.len()), (VALUE_BYTES, VALUE_BYTES));
        assert_ne!(one, other);
        let json: serde_json::Value = serde_json::from_str(&one).unwrap();
        assert_eq!(json["username"], "user-00000001");
    }
}
