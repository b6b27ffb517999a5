//! Key pairs for OpenSSH: its private key file, unencrypted, and its line of a public key.
//!
//! Source: PROTOCOL.key of OpenSSH; RFC 4253 §6.6 (RSA), RFC 5656 §3.1 (ECDSA), RFC 8709 §4 (Ed25519).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
};
use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD};

use crate::material::{UseError, generate_key_pair};
use crate::{Entropy, KeySpec, SecretBytes, pem};

/// A key pair as OpenSSH reads it.
#[derive(Debug)]
pub struct SshKeyPair {
    /// The content of a private key file, with its last line's end.
    pub private_key: SecretBytes,
    /// A line for `authorized_keys`, without an end.
    pub public_key: String,
    /// As `ssh-keygen -l` shows it: `SHA256:…`.
    pub fingerprint: String,
}

/// Makes a key pair: RSA, ECDSA on NIST's curves, or Ed25519. RSA keys take up to seconds. `comment` must be one line.
///
/// # Errors
/// [`UseError::Algorithm`] for every other kind of key, [`UseError::Library`].
pub fn generate_ssh_key_pair(
    spec: KeySpec,
    comment: &str,
    entropy: &dyn Entropy,
) -> Result<SshKeyPair, UseError> {
    let document = |spec| generate_key_pair(spec).map(|pair| pair.private_key);
    let (public, private) = match spec {
        KeySpec::EccNistEdwards25519 => ed25519(&document(spec)?)?,
        KeySpec::EccNistP256 => ecdsa(
            "nistp256",
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &document(spec)?,
        )?,
        KeySpec::EccNistP384 => ecdsa(
            "nistp384",
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            &document(spec)?,
        )?,
        KeySpec::EccNistP521 => ecdsa(
            "nistp521",
            &ECDSA_P521_SHA512_ASN1_SIGNING,
            &document(spec)?,
        )?,
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
            rsa(&document(spec)?).ok_or(UseError::Library)?
        }
        _ => return Err(UseError::Algorithm),
    };
    let mut line = format!("{} {}", public.kind, BASE64.encode(&public.blob.0));
    if !comment.is_empty() {
        line.push(' ');
        line.push_str(comment);
    }
    let hashed = digest(&SHA256, &public.blob.0);
    Ok(SshKeyPair {
        private_key: file(&public.blob, private, comment, entropy),
        public_key: line,
        fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(hashed)),
    })
}

/// A public key, with the name of its kind in front.
struct Public {
    kind: String,
    blob: Fields,
}

/// Fields one after another, each with its length in front of it.
struct Fields(Vec<u8>);

impl Fields {
    /// With room for the longest private key, so that none is left behind by growing.
    fn new() -> Self {
        Fields(Vec::with_capacity(4096))
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        // No field of a key is that long.
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(bytes);
        self
    }

    /// A number without a sign, as the shortest bytes whose first bit is none.
    fn number(self, big_endian: &[u8]) -> Self {
        let zeros = big_endian.iter().take_while(|byte| **byte == 0).count();
        let digits = &big_endian[zeros..];
        match digits.first() {
            Some(first) if *first >= 0x80 => {
                let mut signed = Vec::with_capacity(digits.len() + 1);
                signed.push(0);
                signed.extend(digits);
                self.bytes(SecretBytes::new(signed).expose())
            }
            _ => self.bytes(digits),
        }
    }
}

fn ed25519(pkcs8: &SecretBytes) -> Result<(Public, Fields), UseError> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8.expose());
    let pair = pair.map_err(|_| UseError::Library)?;
    let seed = pair.seed().map_err(|_| UseError::Library)?;
    let seed = seed.as_be_bytes().map_err(|_| UseError::Library)?;
    let point = pair.public_key().as_ref();
    let both = SecretBytes::new([seed.as_ref(), point].concat());
    let kind = "ssh-ed25519";
    let public = Fields::new().bytes(kind.as_bytes()).bytes(point);
    let private = Fields::new()
        .bytes(kind.as_bytes())
        .bytes(point)
        .bytes(both.expose());
    Ok((of(kind, public), private))
}

fn ecdsa(
    curve: &str,
    algorithm: &'static EcdsaSigningAlgorithm,
    pkcs8: &SecretBytes,
) -> Result<(Public, Fields), UseError> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.expose());
    let pair = pair.map_err(|_| UseError::Library)?;
    let scalar = pair
        .private_key()
        .as_be_bytes()
        .map_err(|_| UseError::Library)?;
    let kind = format!("ecdsa-sha2-{curve}");
    let fields = || {
        let named = Fields::new().bytes(kind.as_bytes()).bytes(curve.as_bytes());
        named.bytes(pair.public_key().as_ref())
    };
    Ok((of(&kind, fields()), fields().number(scalar.as_ref())))
}

/// The library gives an RSA key's numbers as DER alone.
fn rsa(pkcs8: &SecretBytes) -> Option<(Public, Fields)> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const OCTETS: u8 = 0x04;
    let (info, _) = element(pkcs8.expose(), SEQUENCE)?;
    let (_, rest) = element(info, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTETS)?;
    let (mut numbers, _) = element(key, SEQUENCE)?;
    let mut next = || {
        let (number, rest) = element(numbers, INTEGER)?;
        numbers = rest;
        Some(number)
    };
    let _version = next()?;
    let [n, e, d, p, q] = [next()?, next()?, next()?, next()?, next()?];
    let (_d_mod_p, _d_mod_q, q_inverse) = (next()?, next()?, next()?);
    let kind = "ssh-rsa";
    let public = Fields::new().bytes(kind.as_bytes()).number(e).number(n);
    let private = Fields::new().bytes(kind.as_bytes()).number(n).number(e);
    let private = private.number(d).number(q_inverse).number(p).number(q);
    Some((of(kind, public), private))
}

/// The content of a DER element of a kind, and what is behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn of(kind: &str, blob: Fields) -> Public {
    Public {
        kind: kind.to_owned(),
        blob,
    }
}

/// The private key file.
fn file(public: &Fields, private: Fields, comment: &str, entropy: &dyn Entropy) -> SecretBytes {
    const LINE: usize = 70;
    const BLOCK: usize = 8;
    // By two equal numbers a reader sees that it deciphered rightly.
    let mut check = [0; 4];
    entropy.fill(&mut check);
    let mut secret = Vec::with_capacity(private.0.len() + comment.len() + 32);
    secret.extend(check);
    secret.extend(check);
    secret.extend(&private.0);
    let mut secret = Fields(secret).bytes(comment.as_bytes());
    let _zeroed = SecretBytes::new(private.0);
    for padding in 1.. {
        if secret.0.len().is_multiple_of(BLOCK) {
            break;
        }
        secret.0.push(padding);
    }
    let secret = SecretBytes::new(secret.0);
    let mut all = Vec::with_capacity(public.0.len() + secret.len() + 64);
    all.extend(b"openssh-key-v1\0");
    let all = Fields(all).bytes(b"none").bytes(b"none").bytes(b"");
    let mut all = all.0;
    all.extend(1_u32.to_be_bytes());
    let all = Fields(all).bytes(&public.0).bytes(secret.expose());
    let all = SecretBytes::new(all.0);
    pem::encode("OPENSSH PRIVATE KEY", all.expose(), LINE)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use super::*;
    use crate::SeededEntropy;

    const KINDS: &[(KeySpec, &str)] = &[
        (KeySpec::EccNistEdwards25519, "ssh-ed25519"),
        (KeySpec::EccNistP256, "ecdsa-sha2-nistp256"),
        (KeySpec::EccNistP384, "ecdsa-sha2-nistp384"),
        (KeySpec::EccNistP521, "ecdsa-sha2-nistp521"),
        (KeySpec::Rsa3072, "ssh-rsa"),
    ];

    /// OpenSSH's own answer about a private key file; `None` where it isn't installed.
    fn ssh_keygen(options: &[&str], private_key: &SecretBytes) -> Option<String> {
        // ssh-keygen refuses a key that others may read; temporary files are its owner's alone.
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(private_key.expose()).unwrap();
        let asked = Command::new("ssh-keygen")
            .args(options)
            .arg("-f")
            .arg(file.path())
            .output();
        let answer = asked.ok()?;
        assert!(
            answer.status.success(),
            "{}",
            String::from_utf8_lossy(&answer.stderr)
        );
        Some(
            String::from_utf8(answer.stdout)
                .unwrap()
                .trim_end()
                .to_owned(),
        )
    }

    #[test]
    fn openssh_reads_a_private_key_and_derives_the_same_public_key() {
        for (spec, kind) in KINDS {
            // The padding depends on the length.
            for comment in ["", "deploy@example.com", "with spaces é"] {
                let pair = generate_ssh_key_pair(*spec, comment, &SeededEntropy::new(1)).unwrap();
                assert!(pair.public_key.starts_with(&format!("{kind} AAAA")));
                assert!(pair.public_key.ends_with(comment), "{}", pair.public_key);
                if let Some(derived) = ssh_keygen(&["-y"], &pair.private_key) {
                    assert_eq!(derived, pair.public_key, "{kind} '{comment}'");
                }
                if let Some(listed) = ssh_keygen(&["-l"], &pair.private_key) {
                    assert!(listed.contains(&pair.fingerprint), "{listed}");
                }
            }
        }
    }

    #[test]
    fn each_key_pair_differs() {
        for (spec, _) in KINDS {
            let entropy = SeededEntropy::new(1);
            let make = || generate_ssh_key_pair(*spec, "", &entropy).unwrap();
            let (one, other) = (make(), make());
            assert_ne!(one.public_key, other.public_key);
            assert_ne!(one.fingerprint, other.fingerprint);
            assert!(!one.private_key.matches(&other.private_key));
        }
    }

    #[test]
    fn a_number_has_a_zero_in_front_only_where_it_would_look_negative() {
        for (big_endian, expected) in [
            (&[][..], &[0, 0, 0, 0][..]),
            (&[0, 0], &[0, 0, 0, 0]),
            (&[0x7f], &[0, 0, 0, 1, 0x7f]),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
            (&[0, 0, 0x80, 1], &[0, 0, 0, 3, 0, 0x80, 1]),
            (&[0, 1, 0], &[0, 0, 0, 2, 1, 0]),
        ] {
            assert_eq!(
                Fields::new().number(big_endian).0,
                expected,
                "{big_endian:?}"
            );
        }
    }

    #[test]
    fn only_kinds_that_openssh_has_are_made() {
        for spec in [
            KeySpec::SymmetricDefault,
            KeySpec::Hmac256,
            KeySpec::EccSecgP256K1,
        ] {
            let made = generate_ssh_key_pair(spec, "", &SeededEntropy::new(1));
            assert_eq!(made.unwrap_err(), UseError::Algorithm);
        }
    }
}
