//! Certificates that an authority issues, for TLS servers and clients, each with a key pair of its own. Knows no clock:
//! from when to when they are good is given.
//!
//! Source: RFC 5280.

use std::net::IpAddr;

use rcgen::string::BmpString;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::material::generate_key_pair;
use crate::{Entropy, KeySpec, SecretBytes, pem};

/// Bytes of a serial number: random, so that none comes twice and none is guessed. RFC 5280 allows 20.
const SERIAL_BYTES: usize = 16;
/// Characters of a line in PEM. Source: RFC 7468 §2.
const LINE: usize = 64;

/// An authority that issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its name, as its certificate has it.
    name: Vec<u8>,
    chain: String,
    not_before: i64,
    not_after: i64,
}

/// A certificate that is asked for.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// The common name of whom it is for, at most 64 characters.
    pub common_name: Option<String>,
    /// Names of hosts, in ASCII.
    pub dns_names: Vec<String>,
    /// Addresses of hosts.
    pub ip_addresses: Vec<IpAddr>,
    /// What it is for.
    pub usage: CertificateUsage,
    /// The kind of its key pair: RSA, ECDSA on P-256, P-384 or P-521, or Ed25519.
    pub key: KeySpec,
    /// From when it is good: seconds since 1970.
    pub not_before: i64,
    /// Until when, that second included.
    pub not_after: i64,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateUsage {
    /// A server shows it.
    Server,
    /// A client does.
    Client,
    /// Both.
    Both,
}

/// A certificate with its private key, in PEM.
#[derive(Debug)]
pub struct IssuedCertificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key: PKCS #8.
    pub private_key: SecretBytes,
    /// The certificates of the authority and those above it, as they were given.
    pub chain: String,
}

/// Why certificate and private key are no authority's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityProblem {
    /// There is no certificate in the text.
    #[error("its certificate is not X.509 in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// The private key can't be read.
    #[error(
        "its private key is not an unencrypted RSA, ECDSA or Ed25519 key in PEM form (-----BEGIN PRIVATE KEY-----)"
    )]
    NoPrivateKey,
    /// The key is another certificate's.
    #[error("its private key is not that of its certificate, the first in the text")]
    OtherKey,
    /// The certificate may not issue others.
    #[error(
        "its certificate is none of an authority: it needs the basic constraint CA, and the key usage keyCertSign if it \
         has key usages"
    )]
    NoAuthority,
    /// Its name can't be copied into what it issues.
    #[error(
        "the name in its certificate has an attribute twice, or several in one part, which can't be copied into what it \
         issues: use an authority with a plainer name"
    )]
    Name,
}

/// Why a certificate was not issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The authority's own certificate is not good for all of that time.
    #[error("the authority's certificate is not good for as long")]
    Validity,
    /// A name of a host isn't ASCII.
    #[error("a name is not ASCII")]
    Name,
    /// There are no certificates with such keys.
    #[error("there are no certificates with keys of this kind")]
    Key,
    /// The library failed, as it may without memory.
    #[error("the cryptographic library failed")]
    Library,
}

impl Authority {
    /// An authority of a PEM text with its certificate first, and those above it behind, and of its private key in PEM.
    ///
    /// # Errors
    /// [`AuthorityProblem`]
    pub fn read(certificates: &str, private_key: &SecretBytes) -> Result<Self, AuthorityProblem> {
        let parts: Result<Vec<Pem>, _> = Pem::iter_from_buffer(certificates.as_bytes()).collect();
        let parts = parts.map_err(|_| AuthorityProblem::NoCertificate)?;
        let are_certificates = parts.iter().all(|part| part.label == "CERTIFICATE");
        let Some(first) = parts.first().filter(|_| are_certificates) else {
            return Err(AuthorityProblem::NoCertificate);
        };
        let parsed = parse(&first.contents).ok_or(AuthorityProblem::NoCertificate)?;
        let is_authority = parsed.is_ca()
            && match parsed.key_usage() {
                Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
                Err(_) => false,
            };
        if !is_authority {
            return Err(AuthorityProblem::NoAuthority);
        }
        let distinguished_name = name_of(&parsed).ok_or(AuthorityProblem::Name)?;
        let key = key_of(private_key).ok_or(AuthorityProblem::NoPrivateKey)?;
        if key.subject_public_key_info() != parsed.public_key().raw {
            return Err(AuthorityProblem::OtherKey);
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished_name;
        if let Some(identifier) = key_identifier(&parsed) {
            params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
        }
        let issuer = Issuer::new(params, key);
        Ok(Authority {
            issuer,
            name: parsed.subject().as_raw().to_vec(),
            chain: parts
                .iter()
                .map(|part| certificate_text(&part.contents))
                .collect(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// Until when its own certificate is good, in seconds since 1970: nothing that it issues is good for longer.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// From when its own certificate is good.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Issues a certificate. Its key pair, which for RSA takes up to seconds, comes from the library's own random
    /// numbers.
    ///
    /// # Errors
    /// [`IssueError`]
    pub fn issue(
        &self,
        request: &CertificateRequest,
        entropy: &dyn Entropy,
    ) -> Result<IssuedCertificate, IssueError> {
        if request.not_before < self.not_before
            || request.not_after > self.not_after
            || request.not_before > request.not_after
        {
            return Err(IssueError::Validity);
        }
        let made = generate_key_pair(request.key).map_err(|_| IssueError::Key)?;
        let key = KeyPair::try_from(made.private_key.expose()).map_err(|_| IssueError::Key)?;
        let instant = |seconds| ASN1Time::from_timestamp(seconds).map_err(|_| IssueError::Validity);
        let mut params = CertificateParams::default();
        params.not_before = instant(request.not_before)?.to_datetime();
        params.not_after = instant(request.not_after)?.to_datetime();
        params.serial_number = Some(serial_number(entropy));
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = &request.common_name {
            params
                .distinguished_name
                .push(DnType::CommonName, name.as_str());
        }
        for name in &request.dns_names {
            let name = name.as_str().try_into().map_err(|_| IssueError::Name)?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        let addresses = request.ip_addresses.iter().copied();
        params
            .subject_alt_names
            .extend(addresses.map(SanType::IpAddress));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // What TLS 1.2 does with an RSA key beside signing.
        if matches!(
            request.key,
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096
        ) {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
        if request.usage != CertificateUsage::Client {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        if request.usage != CertificateUsage::Server {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        params.use_authority_key_identifier_extension = true;
        let issued = params.signed_by(&key, &self.issuer);
        let issued = issued.map_err(|_| IssueError::Library)?;
        // Clients compare names byte by byte, and the library writes them anew.
        let parsed = parse(issued.der()).ok_or(IssueError::Library)?;
        if parsed.issuer().as_raw() != self.name {
            return Err(IssueError::Library);
        }
        Ok(IssuedCertificate {
            certificate: certificate_text(issued.der()),
            private_key: pem::encode("PRIVATE KEY", made.private_key.expose(), LINE),
            chain: self.chain.clone(),
        })
    }
}

/// The private key in a text, which may have others' parts in front of it, such as the parameters of a curve.
fn key_of(text: &SecretBytes) -> Option<KeyPair> {
    let parts = Pem::iter_from_buffer(text.expose()).map_while(Result::ok);
    let mut keys = parts.filter(|part| part.label.ends_with("PRIVATE KEY"));
    let part = keys.next()?;
    let key = KeyPair::try_from(part.contents.as_slice()).ok();
    let _zeroed = SecretBytes::new(part.contents);
    key
}

fn certificate_text(der: &[u8]) -> String {
    let text = pem::encode("CERTIFICATE", der, LINE);
    String::from_utf8_lossy(text.expose()).into_owned()
}

/// A certificate of which every byte is one's.
fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, parsed) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(parsed)
}

/// A certificate's name in the library's form, which has each attribute once and by itself; `None` where it has not.
fn name_of(certificate: &X509Certificate<'_>) -> Option<DistinguishedName> {
    let mut name = DistinguishedName::new();
    for part in certificate.subject().iter() {
        let mut attributes = part.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
            return None;
        };
        let kind: Vec<u64> = attribute.attr_type().iter()?.collect();
        let kind = DnType::from_oid(&kind);
        if name.get(&kind).is_some() {
            return None;
        }
        let value = attribute.attr_value();
        let text = || std::str::from_utf8(value.data).ok();
        let value = match value.header.tag() {
            Tag::Utf8String => DnValue::Utf8String(text()?.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text()?.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text()?.try_into().ok()?),
            Tag::T61String => DnValue::TeletexString(text()?.try_into().ok()?),
            Tag::BmpString => {
                DnValue::BmpString(BmpString::from_utf16be(value.data.to_vec()).ok()?)
            }
            _ => return None,
        };
        name.push(kind, value);
    }
    Some(name)
}

/// What a certificate calls its own key, by which others find it.
fn key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    let mut extensions = certificate.iter_extensions();
    extensions.find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}

fn serial_number(entropy: &dyn Entropy) -> SerialNumber {
    let mut bytes = [0; SERIAL_BYTES];
    entropy.fill(&mut bytes);
    // Positive, and of full length.
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use rcgen::BasicConstraints;
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

    use super::*;
    use crate::SeededEntropy;

    /// 1 January 2030.
    const NOW: i64 = 1_893_456_000;
    const DAY: i64 = 24 * 60 * 60;

    /// An authority's certificate for ten years, and its private key.
    fn authority(
        algorithm: &'static rcgen::SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params
            .distinguished_name
            .push(DnType::CommonName, "Example Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let at = |seconds| ASN1Time::from_timestamp(seconds).unwrap().to_datetime();
        (params.not_before, params.not_after) = (at(NOW - DAY), at(NOW + 3650 * DAY));
        change(&mut params);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(pair: &(String, String)) -> Result<Authority, AuthorityProblem> {
        Authority::read(&pair.0, &SecretBytes::copy_of(pair.1.as_bytes()))
    }

    fn request() -> CertificateRequest {
        CertificateRequest {
            common_name: Some("db.example.com".to_owned()),
            dns_names: vec!["db.example.com".to_owned(), "*.db.example.com".to_owned()],
            ip_addresses: vec!["10.1.2.3".parse().unwrap(), "fd00::1".parse().unwrap()],
            usage: CertificateUsage::Server,
            key: KeySpec::EccNistP256,
            not_before: NOW,
            not_after: NOW + 30 * DAY,
        }
    }

    fn der(pem: &str) -> Vec<u8> {
        let mut parts = Pem::iter_from_buffer(pem.as_bytes());
        parts.next().unwrap().unwrap().contents
    }

    /// Whether rustls takes it from a server or client of this name, at an instant.
    fn is_accepted(
        authority: &str,
        certificate: &str,
        name: &str,
        usage: KeyUsage,
        at: i64,
    ) -> Result<(), webpki::Error> {
        let (authority, certificate) = (der(authority).into(), der(certificate).into());
        let anchors = [anchor_from_trusted_cert(&authority)?];
        let certificate = EndEntityCert::try_from(&certificate)?;
        let at = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(
            u64::try_from(at).unwrap(),
        ));
        let all = webpki::ALL_VERIFICATION_ALGS;
        certificate.verify_for_usage(all, &anchors, &[], at, usage, None, None)?;
        certificate.verify_is_valid_for_subject_name(&name.try_into().unwrap())
    }

    #[test]
    fn rustls_accepts_what_authorities_of_each_kind_issue() {
        let entropy = SeededEntropy::new(1);
        for algorithm in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
            &rcgen::PKCS_RSA_SHA256,
        ] {
            let pair = authority(algorithm, |_| {});
            let authority = read(&pair).unwrap();
            for key in [
                KeySpec::EccNistP256,
                KeySpec::EccNistP384,
                KeySpec::EccNistEdwards25519,
                KeySpec::Rsa2048,
            ] {
                let request = CertificateRequest { key, ..request() };
                let issued = authority.issue(&request, &entropy).unwrap();
                assert_eq!(issued.chain, pair.0);
                let accepted = |name, at| {
                    is_accepted(
                        &pair.0,
                        &issued.certificate,
                        name,
                        KeyUsage::server_auth(),
                        at,
                    )
                };
                for name in ["db.example.com", "a.db.example.com", "10.1.2.3", "fd00::1"] {
                    accepted(name, NOW).unwrap();
                    accepted(name, NOW + 30 * DAY).unwrap();
                }
                assert!(accepted("example.com", NOW).is_err());
                assert!(accepted("db.example.com", NOW - 1).is_err());
                assert!(accepted("db.example.com", NOW + 30 * DAY + 1).is_err());
                let client = KeyUsage::client_auth();
                let as_client = is_accepted(&pair.0, &issued.certificate, "10.1.2.3", client, NOW);
                assert!(as_client.is_err());
            }
        }
    }

    #[test]
    fn a_certificate_is_for_what_it_was_asked_for() {
        let pair = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {});
        let authority = read(&pair).unwrap();
        let usages = [
            KeyUsage::server_auth as fn() -> KeyUsage,
            KeyUsage::client_auth,
        ];
        for (usage, expected) in [
            (CertificateUsage::Server, [true, false]),
            (CertificateUsage::Client, [false, true]),
            (CertificateUsage::Both, [true, true]),
        ] {
            let request = CertificateRequest { usage, ..request() };
            let issued = authority.issue(&request, &SeededEntropy::new(1)).unwrap();
            let found = usages.map(|usage| {
                let name = "db.example.com";
                is_accepted(&pair.0, &issued.certificate, name, usage(), NOW).is_ok()
            });
            assert_eq!(found, expected, "{usage:?}");
        }
    }

    #[test]
    fn the_private_key_is_the_certificates_and_each_has_its_own() {
        let pair = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {});
        let (authority, entropy) = (read(&pair).unwrap(), SeededEntropy::new(1));
        let [one, other] = [0, 1].map(|_| authority.issue(&request(), &entropy).unwrap());
        for issued in [&one, &other] {
            let key = key_of(&issued.private_key).unwrap();
            let bytes = der(&issued.certificate);
            let parsed = parse(&bytes).unwrap();
            assert_eq!(parsed.public_key().raw, key.subject_public_key_info());
            assert_eq!(parsed.version().0, 2);
        }
        assert!(!one.private_key.matches(&other.private_key));
        let serial = |pem: &str| parse(&der(pem)).unwrap().raw_serial().to_vec();
        let (one, other) = (serial(&one.certificate), serial(&other.certificate));
        assert_ne!(one, other);
        assert_eq!((one.len(), one[0] & 0x80), (16, 0));
    }

    #[test]
    fn a_certificate_names_its_authority_as_that_names_itself() {
        let entropy = SeededEntropy::new(1);
        let name = |params: &mut CertificateParams| {
            let name = &mut params.distinguished_name;
            *name = DistinguishedName::new();
            name.push(
                DnType::CountryName,
                DnValue::PrintableString("DE".try_into().unwrap()),
            );
            name.push(
                DnType::OrganizationName,
                DnValue::Utf8String("Bäcker".to_owned()),
            );
            name.push(
                DnType::CommonName,
                DnValue::TeletexString("root".try_into().unwrap()),
            );
            let unusual = DnType::CustomDnType(vec![0, 9, 2342, 19200300, 100, 1, 25]);
            name.push(unusual, DnValue::Ia5String("example".try_into().unwrap()));
            params.key_identifier_method = KeyIdMethod::PreSpecified(vec![1, 2, 3]);
        };
        let pair = authority(&rcgen::PKCS_ECDSA_P256_SHA256, name);
        let issued = read(&pair).unwrap().issue(&request(), &entropy).unwrap();
        let server = KeyUsage::server_auth();
        is_accepted(&pair.0, &issued.certificate, "10.1.2.3", server, NOW).unwrap();
        let bytes = der(&issued.certificate);
        let parsed = parse(&bytes).unwrap();
        let identifier = parsed
            .iter_extensions()
            .find_map(|each| match each.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(found) => found.key_identifier.clone(),
                _ => None,
            });
        assert_eq!(identifier.unwrap().0, [1, 2, 3]);
    }

    #[test]
    fn what_is_no_authority_is_said() {
        let good = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {});
        let other = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {});
        let leaf = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.is_ca = IsCa::ExplicitNoCa;
        });
        let usage = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.key_usages = vec![KeyUsagePurpose::CrlSign];
        });
        let without_usages = authority(&rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.key_usages = Vec::new();
        });
        assert!(read(&good).is_ok() && read(&without_usages).is_ok());
        let of = |certificate: &str, key: &str| (certificate.to_owned(), key.to_owned());
        for (pair, problem) in [
            (of("", &good.1), AuthorityProblem::NoCertificate),
            (of("plain", &good.1), AuthorityProblem::NoCertificate),
            (of(&good.1, &good.1), AuthorityProblem::NoCertificate),
            (
                of(&good.0.replace("MII", "MIA"), &good.1),
                AuthorityProblem::NoCertificate,
            ),
            (of(&good.0, ""), AuthorityProblem::NoPrivateKey),
            (of(&good.0, &good.0), AuthorityProblem::NoPrivateKey),
            (of(&good.0, &other.1), AuthorityProblem::OtherKey),
            (leaf, AuthorityProblem::NoAuthority),
            (usage, AuthorityProblem::NoAuthority),
        ] {
            assert_eq!(read(&pair).err(), Some(problem), "{}", pair.0);
        }
    }

    #[test]
    fn nothing_is_good_for_longer_than_its_authority() {
        let authority = read(&authority(&rcgen::PKCS_ECDSA_P256_SHA256, |_| {})).unwrap();
        for (not_before, not_after, good) in [
            (NOW - DAY, NOW + 3650 * DAY, true),
            (NOW - DAY - 1, NOW, false),
            (NOW, NOW + 3650 * DAY + 1, false),
            (NOW, NOW - 1, false),
        ] {
            let request = CertificateRequest {
                not_before,
                not_after,
                ..request()
            };
            let issued = authority.issue(&request, &SeededEntropy::new(1));
            assert_eq!(issued.is_ok(), good, "{not_before} {not_after}");
        }
        assert_eq!(authority.not_after(), NOW + 3650 * DAY);
    }

    /// OpenSSL with its files in a folder; `None` where it isn't installed.
    fn openssl(folder: &std::path::Path, line: &str) -> Option<String> {
        let ran = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(folder)
            .output()
            .ok()?;
        assert!(
            ran.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        Some(String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    #[test]
    fn openssls_authorities_are_read_and_openssl_accepts_what_they_issue() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for (make_key, subject) in [
            (
                "ecparam -name prime256v1 -genkey -out ca.key",
                "/C=DE/O=Example/OU=PKI/CN=Root",
            ),
            ("genrsa -traditional -out ca.key 2048", "/CN=Root"),
            (
                "genpkey -algorithm ed25519 -out ca.key",
                "/DC=example/CN=Root/emailAddress=a@b.c",
            ),
        ] {
            if openssl(at, make_key).is_none() {
                return;
            }
            let line = format!(
                "req -x509 -new -key ca.key -days 3650 -subj {subject} -addext keyUsage=critical,keyCertSign -out ca.pem"
            );
            openssl(at, &line).unwrap();
            let text = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
            let authority = read(&(text("ca.pem"), text("ca.key"))).unwrap();
            let request = CertificateRequest {
                not_before: authority.not_before(),
                not_after: authority.not_before() + DAY,
                common_name: None,
                ..request()
            };
            let issued = authority.issue(&request, &SeededEntropy::new(1)).unwrap();
            std::fs::write(at.join("leaf.pem"), &issued.certificate).unwrap();
            std::fs::write(at.join("leaf.key"), issued.private_key.expose()).unwrap();
            let verified = openssl(
                at,
                "verify -x509_strict -purpose sslserver -verify_hostname a.db.example.com -CAfile ca.pem leaf.pem",
            );
            assert!(verified.unwrap().contains("leaf.pem: OK"));
            let of_key = openssl(at, "pkey -in leaf.key -pubout").unwrap();
            let of_certificate = openssl(at, "x509 -in leaf.pem -noout -pubkey").unwrap();
            assert_eq!(of_key, of_certificate);
        }
        // A name that the library can't copy.
        openssl(
            at,
            "req -x509 -new -key ca.key -subj /DC=com/DC=example/CN=Root -out ca.pem",
        );
        let text = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
        let pair = (text("ca.pem"), text("ca.key"));
        assert_eq!(read(&pair).err(), Some(AuthorityProblem::Name));
        openssl(
            at,
            "req -x509 -new -key ca.key -multivalue-rdn -subj /O=a+CN=Root -out ca.pem",
        );
        let pair = (text("ca.pem"), text("ca.key"));
        assert_eq!(read(&pair).err(), Some(AuthorityProblem::Name));
    }
}
