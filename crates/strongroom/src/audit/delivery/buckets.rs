//! Where trails deliver to: folders of this machine, and buckets that are spoken to as S3 is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use rustls::ClientConfig;

use super::hex;
use crate::audit::state_file::{self, Keep};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::outbound::{self, Bounds, Reach, Server};

const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(60),
    connect_time: Duration::from_secs(10),
    answer_bytes: 65_536,
    reach: Reach::Anywhere,
};
const CREDENTIALS_SETTING: &str = "credentials_file";
/// What RFC 3986 lets stand in a path beside letters and digits: it can be signed as it is.
const PATH_CHARACTERS: &[u8] = b"-._~!$&'()*+,;=:@/";
/// What S3 leaves unencoded in a path, beside letters and digits.
const UNENCODED: &[u8] = b"-._~/";
/// Characters of an error's code that are told.
const CODE_CHARACTERS_MAX: usize = 64;

/// Buckets by their names.
#[derive(Debug, Default)]
pub struct Buckets {
    named: BTreeMap<String, Bucket>,
    /// For all other names, a folder of each name in this one.
    others: Option<PathBuf>,
}

/// A bucket.
#[derive(Debug)]
pub enum Bucket {
    /// A folder, in which each object is a file.
    Folder(PathBuf),
    /// One that is spoken to as S3 is.
    S3(S3Bucket),
}

/// A bucket that is spoken to as S3 is, its name in the path.
#[derive(Debug)]
pub struct S3Bucket {
    server: Server,
    region: String,
    /// Read for each object, so that they can be renewed; the environment's where absent.
    credentials_file: Option<PathBuf>,
    tls: Option<Arc<ClientConfig>>,
}

/// What is put into a bucket.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is called.
    pub(super) key: String,
    /// JSON, compressed.
    pub(super) gzip: Vec<u8>,
    /// What S3 keeps beside it.
    pub(super) metadata: Vec<(&'static str, String)>,
}

impl Buckets {
    /// These.
    #[must_use]
    pub fn named(named: BTreeMap<String, Bucket>) -> Self {
        Buckets {
            named,
            others: None,
        }
    }

    /// Any: each is a folder of its name in this one. For development servers.
    #[must_use]
    pub fn any_in(folder: PathBuf) -> Self {
        Buckets {
            named: BTreeMap::new(),
            others: Some(folder),
        }
    }

    /// What rules may know of them.
    #[must_use]
    pub fn known(&self) -> strongroom_services::cloudtrail::buckets::Buckets {
        use strongroom_services::cloudtrail::buckets::Buckets;
        match self.others {
            Some(_) => Buckets::any(),
            None => Buckets::of(self.named.keys().cloned()),
        }
    }

    /// Puts an object into a bucket.
    ///
    /// # Errors
    /// What GetTrailStatus tells, with a code of S3's where there is one.
    pub(super) async fn put(&self, bucket: &str, object: &Object) -> Result<(), String> {
        if !is_path(&object.key) {
            return Err(format!(
                "InvalidPrefix: the trail's prefix can't be put into a path: {}",
                object.key
            ));
        }
        match (self.named.get(bucket), &self.others) {
            (Some(Bucket::Folder(folder)), _) => put_into(folder, bucket, object).await,
            (Some(Bucket::S3(server)), _) => server.put(bucket, object).await,
            (None, Some(folder)) if is_name(bucket) => {
                put_into(&folder.join(bucket), bucket, object).await
            }
            _ => Err(format!(
                "NoSuchBucket: the operator has set up no bucket {bucket:?} (audit.buckets)"
            )),
        }
    }
}

/// Whether it can be a bucket's: of such a name a folder lies where it should.
fn is_name(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
        })
        && !bucket.starts_with('.')
}

/// Whether a key can be a path: it leads nowhere but down, and needs no encoding.
fn is_path(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || PATH_CHARACTERS.contains(&byte);
    key.bytes().all(is_plain)
        && key
            .split('/')
            .all(|segment| !["", ".", ".."].contains(&segment))
}

fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || UNENCODED.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A file for the object, and one beside it for what S3 would keep with it.
/// Puts an object into a folder. What goes wrong is told to the trail's account, which needn't know the machine's paths.
async fn put_into(folder: &Path, bucket: &str, object: &Object) -> Result<(), String> {
    let path = folder.join(&object.key);
    let bytes = object.gzip.clone();
    let metadata: BTreeMap<&str, &str> = object
        .metadata
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let metadata = match metadata.is_empty() {
        true => None,
        false => Some(serde_json::to_vec(&metadata).map_err(|error| error.to_string())?),
    };
    // A disk that hangs holds up nothing else.
    let writing = tokio::task::spawn_blocking(move || {
        if let Some(metadata) = metadata {
            let mut beside = path.as_os_str().to_owned();
            beside.push(".metadata.json");
            state_file::replace(Path::new(&beside), &metadata, Keep::Durably)?;
        }
        state_file::replace(&path, &bytes, Keep::Durably)
    });
    let written = writing.await.map_err(|error| error.to_string())?;
    written.map_err(|error| {
        format!(
            "InternalError: the folder of bucket {bucket:?} can't be written ({error}): its operator has to check its owner \
             and the space"
        )
    })
}

impl S3Bucket {
    /// At an endpoint, such as `https://s3.eu-central-1.amazonaws.com`. `tls` is asked for where it is an `https://` URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        endpoint: &str,
        region: &str,
        credentials_file: Option<PathBuf>,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
    ) -> Result<Self, String> {
        let server = Server::of(endpoint).map_err(|why| format!("endpoint {endpoint} {why}"))?;
        let rest = endpoint.split_once("://").map_or("", |(_, rest)| rest);
        if rest.trim_end_matches('/').contains(['/', '?', '@']) {
            return Err(format!("endpoint {endpoint} is more than https://HOST"));
        }
        Credentials::read(credentials_file.as_deref(), CREDENTIALS_SETTING)?;
        let tls = match server.is_secure() {
            true => Some(tls()?),
            false => None,
        };
        Ok(S3Bucket {
            server,
            region: region.to_owned(),
            credentials_file,
            tls,
        })
    }

    async fn put(&self, bucket: &str, object: &Object) -> Result<(), String> {
        let request = self.request(bucket, object)?;
        let answer = outbound::ask(&self.server, request, self.tls.clone(), BOUNDS).await;
        let answer = answer.map_err(|problem| problem.to_string())?;
        if answer.status.is_success() {
            return Ok(());
        }
        let status = answer.status.as_u16();
        let says = String::from_utf8_lossy(answer.body.expose());
        let code: String = says
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"))
            .map_or("", |(code, _)| code)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(CODE_CHARACTERS_MAX)
            .collect();
        let url = self.server.url();
        Err(match code.as_str() {
            "" => format!("{url} answers {status}: check the endpoint of bucket {bucket}"),
            code => format!("{code}: {url} answers {status} for bucket {bucket}"),
        })
    }

    fn request(&self, bucket: &str, object: &Object) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::put(format!("/{bucket}/{}", object.key))
            .header(header::HOST, self.server.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, "gzip")
            .header(
                header::USER_AGENT,
                concat!("strongroom/", env!("CARGO_PKG_VERSION")),
            )
            .header(
                "x-amz-content-sha256",
                hex(digest(&SHA256, &object.gzip).as_ref()),
            );
        for (name, value) in &object.metadata {
            request = request.header(format!("x-amz-meta-{name}"), value);
        }
        let request = request.body(()).map_err(|error| error.to_string())?;
        let (mut parts, ()) = request.into_parts();
        let credentials = Credentials::read(self.credentials_file.as_deref(), CREDENTIALS_SETTING)?;
        credentials
            .signer(&self.region, "s3")?
            .sign(&mut parts, &object.gzip, Clock::default().real_seconds())
            .map_err(|error| error.to_string())?;
        // S3 signs a path with its characters encoded once; the signer encodes what it is given once more. So what is signed
        // is the plain path, and what is sent is the encoded one.
        let sent = encoded(parts.uri.path());
        parts.uri = sent.parse().map_err(|error| format!("{sent}: {error}"))?;
        let body = Full::new(Bytes::copy_from_slice(&object.gzip));
        Ok(Request::from_parts(parts, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_cant_be_written_is_told_without_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("secret-place");
        std::fs::write(&place, "no folder").unwrap();
        let named = BTreeMap::from([("logs".to_owned(), Bucket::Folder(place))]);
        let buckets = Buckets::named(named);
        let object = |key: &str| Object {
            key: key.to_owned(),
            gzip: vec![1],
            metadata: Vec::new(),
        };
        let mut told = Vec::new();
        for key in ["AWSLogs/a", "AWSLogs/b"] {
            told.push(buckets.put("logs", &object(key)).await.unwrap_err());
        }
        assert!(
            told[0].starts_with("InternalError: the folder of bucket \"logs\""),
            "{told:?}"
        );
        assert!(!told[0].contains("secret-place"), "{told:?}");
        // The same each time, so that it is logged once.
        assert_eq!(told[0], told[1]);
    }

    #[test]
    fn a_key_leads_nowhere_but_down_and_is_sent_as_it_is() {
        for (key, good) in [
            ("AWSLogs/1/CloudTrail/a_b-c.json.gz", true),
            ("year=2026/AWSLogs/x", true),
            ("../AWSLogs/x", false),
            ("a/../../x", false),
            ("/AWSLogs/x", false),
            ("a//x", false),
            ("a/./x", false),
            ("a b/x", false),
            ("a%2e%2e/x", false),
            ("a\0/x", false),
            ("ä/x", false),
        ] {
            assert_eq!(is_path(key), good, "{key}");
        }
        for (name, good) in [
            ("logs", true),
            ("my.logs-1", true),
            ("..", false),
            ("...", false),
            ("a/b", false),
            ("ab", false),
            ("LOGS", false),
        ] {
            assert_eq!(is_name(name), good, "{name}");
        }
    }
}
