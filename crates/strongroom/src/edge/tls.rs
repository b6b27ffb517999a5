//! TLS: certificates from files, read again on request, and a generated one for `strongroom dev`.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{CipherSuite, CommonState, ProtocolVersion, ServerConfig, version};
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, from two PEM files, as it was last read.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads a certificate chain (own certificate first) and its private key.
    ///
    /// # Errors
    /// A file can't be read or holds nothing usable, or the key is not the certificate's.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self {
            current: RwLock::new(read(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Reads both files again; connections from now on use what they hold.
    ///
    /// # Errors
    /// As with [`read`](Self::read); then all stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }
}

/// How a connection is encrypted, named as AWS names it in events, which is as OpenSSL does.
///
/// Source: AWS CloudTrail User Guide, CloudTrail record contents, `tlsDetails`, and its examples of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_128_GCM_SHA256`, or `ECDHE-RSA-AES128-GCM-SHA256` of TLS 1.2.
    pub cipher_suite: &'static str,
}

impl Negotiated {
    /// What both sides of a connection agreed on, once they have.
    pub(super) fn of(state: &CommonState) -> Option<Self> {
        Some(Self {
            version: version_name(state.protocol_version()?),
            cipher_suite: suite_name(state.negotiated_cipher_suite()?.suite()),
        })
    }
}

fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        other => other.as_str().unwrap_or(UNNAMED),
    }
}

fn suite_name(suite: CipherSuite) -> &'static str {
    use CipherSuite as Suite;
    match suite {
        Suite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        Suite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        Suite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or(UNNAMED),
    }
}

/// What stands for what has no name.
const UNNAMED: &str = "unknown";

/// A certificate for this machine's own clients, with the authority that signed it and nothing else.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The authority's certificate: what a client is told to trust. Its key is not kept.
    pub authority: PathBuf,
    /// The server's certificate chain.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Generated {
    /// Makes a certificate for `localhost`, the loopback addresses and `address` in `folder`, or takes the one that
    /// an earlier call left there.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn in_folder(folder: &Path, address: IpAddr) -> Result<Self, TlsError> {
        let generated = Self {
            authority: folder.join("ca.pem"),
            certificate: folder.join(format!(
                "certificate-{}.pem",
                address.to_string().replace(':', "-")
            )),
            key: folder.join(format!("key-{}.pem", address.to_string().replace(':', "-"))),
        };
        let is_there = [&generated.authority, &generated.certificate, &generated.key]
            .iter()
            .all(|path| path.exists());
        if !is_there || read(&generated.certificate, &generated.key).is_err() {
            generated.make(folder, address)?;
        }
        Ok(generated)
    }

    fn make(&self, folder: &Path, address: IpAddr) -> Result<(), TlsError> {
        let made = || -> Result<(String, String, String), rcgen::Error> {
            let authority_key = KeyPair::generate()?;
            let mut authority = CertificateParams::new(Vec::new())?;
            authority
                .distinguished_name
                .push(DnType::CommonName, "Strongroom dev authority");
            authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let authority_certificate = authority.self_signed(&authority_key)?;
            let issuer = Issuer::new(authority, authority_key);

            let key = KeyPair::generate()?;
            let mut names = vec![
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
                "::1".to_owned(),
            ];
            let listening = address.to_string();
            if !address.is_unspecified() && !names.contains(&listening) {
                names.push(listening);
            }
            let mut server = CertificateParams::new(names)?;
            server
                .distinguished_name
                .push(DnType::CommonName, "Strongroom dev");
            server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
            server.use_authority_key_identifier_extension = true;
            let certificate = server.signed_by(&key, &issuer)?;
            Ok((
                authority_certificate.pem(),
                certificate.pem(),
                key.serialize_pem(),
            ))
        };
        let (authority, certificate, key) = made().map_err(|error| TlsError::new(folder, error))?;
        fs::create_dir_all(folder).map_err(|error| TlsError::new(folder, error))?;
        for (path, mode, content) in [
            (&self.key, 0o600, key),
            (&self.certificate, 0o644, certificate),
            (&self.authority, 0o644, authority),
        ] {
            let written = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(path)
                .and_then(|mut file| file.write_all(content.as_bytes()));
            written.map_err(|error| TlsError::new(path, error))?;
        }
        Ok(())
    }
}

/// A file of the TLS set-up that can't be used, and why.
#[derive(Debug)]
pub struct TlsError {
    path: PathBuf,
    cause: String,
}

impl TlsError {
    fn new(path: &Path, cause: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "TLS can't be set up with {}: {}",
            self.path.display(),
            self.cause
        )
    }
}

impl std::error::Error for TlsError {}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::new(certificate, error))?;
    if chain.is_empty() {
        return Err(TlsError::new(
            certificate,
            "it holds no certificate in PEM form",
        ));
    }
    let private_key =
        PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::new(key, error))?;
    // The provider prefers the post-quantum key exchange (X25519MLKEM768); see the workspace's features of rustls.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private_key)
        })
        .map_err(|error| TlsError::new(certificate, error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data can be replayed; SigV4 alone would allow that for five minutes.
    config.max_early_data_size = 0;
    config.ticketer =
        aws_lc_rs::Ticketer::new().map_err(|error| TlsError::new(certificate, error))?;
    Ok(Arc::new(config))
}

/// When the first certificate of a PEM file expires.
///
/// # Errors
/// The file can't be read or holds no certificate.
pub fn expiry(certificate: &Path) -> Result<jiff::Timestamp, TlsError> {
    let wrong = |cause: &dyn fmt::Display| TlsError::new(certificate, cause);
    let encoded = CertificateDer::from_pem_file(certificate).map_err(|error| wrong(&error))?;
    let parsed = webpki::EndEntityCert::try_from(&encoded).map_err(|error| wrong(&error))?;
    // Seen from the end of time every certificate has expired, and the verifier says when.
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME_SECONDS));
    let usage = webpki::KeyUsage::server_auth();
    let verified = parsed.verify_for_usage(&[], &[], &[], end_of_time, usage, None, None);
    match verified.err() {
        Some(webpki::Error::CertExpired { not_after, .. }) => {
            let seconds = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
            jiff::Timestamp::from_second(seconds).map_err(|error| wrong(&error))
        }
        _ => Err(wrong(&"it never expires, or does not say when")),
    }
}

/// The year 9999 ends: what X.509 calls "no well-defined expiration date".
const END_OF_TIME_SECONDS: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_that_is_spoken_has_the_name_that_aws_uses() {
        let suites = aws_lc_rs::DEFAULT_CIPHER_SUITES.iter();
        let mut names: Vec<&str> = suites.map(|suite| suite_name(suite.suite())).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "ECDHE-ECDSA-AES128-GCM-SHA256",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-RSA-CHACHA20-POLY1305",
                "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
            ]
        );
    }
}
