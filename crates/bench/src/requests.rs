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
}

impl Service {
    fn signing_name(self) -> &'static str {
        match self {
            Service::SecretsManager => "secretsmanager",
            Service::Kms => "kms",
        }
    }

    fn target_prefix(self) -> &'static str {
        match self {
            Service::SecretsManager => "secretsmanager",
            Service::Kms => "TrentService",
        }
    }
}

impl Requests {
    pub(crate) fn to(server: SocketAddr) -> Result<Self, Failed> {
        Self::of(Service::SecretsManager, server)
    }

    pub(crate) fn of(service: Service, server: SocketAddr) -> Result<Self, Failed> {
        let secret = SecretBytes::copy_of(SECRET_ACCESS_KEY.as_bytes());
        let signer = Signer::new(ACCESS_KEY_ID, secret, None, REGION, service.signing_name())?;
        Ok(Self {
            signer,
            host: server.to_string(),
            service,
        })
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
            .header(
                "x-amz-target",
                format!("{}.{operation}", self.service.target_prefix()),
            )
            .header("content-type", "application/x-amz-json-1.1")
            .header("user-agent", USER_AGENT)
            .body(())?;
        Ok(request.into_parts().0)
    }
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
