//! `strongroom-tls-certificate`: a certificate with a key pair of its own, issued by an authority that another secret
//! holds, as the members `certificate`, `privateKey`, `chain` and `notAfter` of a JSON object.

use core::net::IpAddr;

use strongroom_keys::{Authority, CertificateRequest, CertificateUsage, IssueError, KeySpec};

use super::json_object::JsonObject;
use super::other_secret::OtherSecret;
use super::{BuiltIn, Call, Created, Failure, Parameters, Rotation};
use crate::caller::Caller;
use crate::gate::Need;
use crate::operation::Means;
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::step::Step;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::version::Value;
use crate::time::{Timestamp, rfc3339};

const ALGORITHMS: &[(&str, KeySpec)] = &[
    ("ecdsa-p256", KeySpec::EccNistP256),
    ("ecdsa-p384", KeySpec::EccNistP384),
    ("ed25519", KeySpec::EccNistEdwards25519),
    ("rsa-2048", KeySpec::Rsa2048),
    ("rsa-3072", KeySpec::Rsa3072),
    ("rsa-4096", KeySpec::Rsa4096),
];

const USAGES: &[(&str, CertificateUsage)] = &[
    ("server", CertificateUsage::Server),
    ("client", CertificateUsage::Client),
    ("both", CertificateUsage::Both),
];

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// Days that a certificate is good for at most: ten years.
const VALIDITY_DAYS_MAX: usize = 3650;
const VALIDITY_DAYS_DEFAULT: usize = 90;
/// Characters of a common name at most. Source: RFC 5280, Appendix A, `ub-common-name`.
const COMMON_NAME_CHARACTERS_MAX: usize = 64;
/// Seconds before its making from which a certificate is good: clocks differ.
const SKEW_SECONDS: i64 = 5 * 60;

/// What certificates are issued, and by whom.
struct TlsCertificate {
    authority: OtherSecret,
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    usage: CertificateUsage,
    key: KeySpec,
    validity_days: usize,
}

pub(super) fn configure(parameters: &mut Parameters<'_>, secret: &Secret) -> Box<dyn BuiltIn> {
    let authority = OtherSecret::required(
        "CaSecretId",
        "the secret with the authority's certificate and privateKey",
        parameters,
        secret,
    );
    let common_name = parameters.text("CommonName");
    let is_name = |name: &str| {
        name.chars().count() <= COMMON_NAME_CHARACTERS_MAX && !name.chars().any(char::is_control)
    };
    if !common_name.is_none_or(is_name) {
        parameters.refuse(format!(
            "CommonName must be one line of at most {COMMON_NAME_CHARACTERS_MAX} characters"
        ));
    }
    let dns_names = parameters.list("DnsNames");
    if let Some(wrong) = dns_names.iter().find(|name| !is_dns_name(name)) {
        parameters.refuse(format!(
            "DnsNames has '{wrong}', which is no DNS name, such as db.example.com or *.example.com"
        ));
    }
    let addresses = parameters.list("IpAddresses");
    let read = |text: &&str| text.parse::<IpAddr>().ok();
    if let Some(wrong) = addresses.iter().find(|text| read(text).is_none()) {
        parameters.refuse(format!("IpAddresses has '{wrong}', which is no IP address"));
    }
    let usage = parameters.one_of("Usage", USAGES, CertificateUsage::Server);
    let has_host = !(dns_names.is_empty() && addresses.is_empty());
    if usage != CertificateUsage::Client && !has_host {
        parameters.refuse(
            "a server's certificate needs DnsNames or IpAddresses: clients look at nothing else",
        );
    }
    if !has_host && common_name.is_none() {
        parameters.refuse("it needs CommonName, DnsNames or IpAddresses");
    }
    Box::new(TlsCertificate {
        authority,
        common_name: common_name.map(str::to_owned),
        ip_addresses: addresses.iter().filter_map(read).collect(),
        dns_names: dns_names.into_iter().map(str::to_owned).collect(),
        usage,
        key: parameters.one_of("KeyAlgorithm", ALGORITHMS, KeySpec::EccNistP256),
        validity_days: parameters.number(
            "ValidityDays",
            1..=VALIDITY_DAYS_MAX,
            VALIDITY_DAYS_DEFAULT,
        ),
    })
}

impl BuiltIn for TlsCertificate {
    fn needs<'a>(
        &'a self,
        _: &Secret,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.authority.needs(caller, records)
    }

    fn check(
        &self,
        secret: &Secret,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<(), Failure> {
        let authority = self.authority(secret, records, means)?;
        self.request(&authority, means.now).map(|_| ())
    }

    fn create(
        &self,
        rotation: &Rotation<'_>,
        records: &Records<'_>,
        means: &Means<'_>,
        _: &mut Changes,
    ) -> Result<Created, Failure> {
        let authority = self.authority(rotation.secret, records, means)?;
        let request = self.request(&authority, means.now)?;
        let issued = authority.issue(&request, means.entropy);
        let issued = issued.map_err(|error: IssueError| Failure::Unavailable(Box::new(error)))?;
        let mut object = JsonObject::in_place_of(rotation.current);
        object.set("certificate", &issued.certificate);
        object.set_bytes("privateKey", &issued.private_key);
        object.set("chain", &issued.chain);
        object.set("notAfter", &rfc3339(at(request.not_after)));
        Ok(Created::Value(object.into_value()))
    }

    /// A test sees whether the authority could issue another.
    fn step(
        &self,
        step: Step,
        rotation: &Rotation<'_>,
        _: &Value,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Option<Call>, Failure> {
        if step == Step::Test {
            self.check(rotation.secret, records, means)?;
        }
        Ok(None)
    }
}

impl TlsCertificate {
    fn authority(
        &self,
        secret: &Secret,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Authority, Failure> {
        let named = &self.authority;
        let value = named.current(secret, records, means)?;
        let object = JsonObject::of(&value);
        let member = |name: &str| {
            let found = object.as_ref().and_then(|object| object.secret(name));
            found.ok_or_else(|| {
                named.wrong(format!(
                    "its value must be a JSON object with the members certificate and privateKey in PEM form, and has no \
                     {name}"
                ))
            })
        };
        let (certificate, private_key) = (member("certificate")?, member("privateKey")?);
        let certificate = std::str::from_utf8(certificate.expose()).unwrap_or_default();
        Authority::read(certificate, &private_key).map_err(|problem| named.wrong(problem))
    }

    /// What is asked of the authority now.
    fn request(
        &self,
        authority: &Authority,
        now: Timestamp,
    ) -> Result<CertificateRequest, Failure> {
        let now = now.seconds();
        let days = i64::try_from(self.validity_days).unwrap_or_default();
        let left = authority.not_after().saturating_sub(now);
        let wrong = |what: String| Err(self.authority.wrong(what));
        if left < DAY_SECONDS {
            return wrong(format!(
                "the authority's certificate is good until {} only: give the secret a new one",
                rfc3339(at(authority.not_after()))
            ));
        }
        if left < days * DAY_SECONDS {
            return wrong(format!(
                "the authority's certificate is good until {}, and one of {days} days would be good for longer: give the \
                 secret a new one, or lower ValidityDays to {} at most",
                rfc3339(at(authority.not_after())),
                left / DAY_SECONDS
            ));
        }
        if authority.not_before() > now {
            return wrong(format!(
                "the authority's certificate isn't good before {}",
                rfc3339(at(authority.not_before()))
            ));
        }
        Ok(CertificateRequest {
            common_name: self.common_name.clone(),
            dns_names: self.dns_names.clone(),
            ip_addresses: self.ip_addresses.clone(),
            usage: self.usage,
            key: self.key,
            not_before: (now - SKEW_SECONDS).max(authority.not_before()),
            not_after: now + days * DAY_SECONDS,
        })
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds.saturating_mul(1000))
}

/// Whether a text is the name of a host, or of all that are directly below one.
///
/// Source: RFC 1123 §2.1; RFC 6125 §6.4.3.
fn is_dns_name(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last part of digits would be an address.
    let last = name.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}
