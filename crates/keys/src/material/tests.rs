//! What each kind of key does, and what it refuses. The algorithms themselves are checked against the
//! Wycheproof vectors by AWS-LC's own test suite; here it is their use.

use super::*;
use crate::CredentialName;
use crate::import::{WrappingAlgorithm, WrappingKey};
use crate::{EncryptionContext, OpenFailure, Purpose, RootKey, SeededEntropy};

fn keyring() -> (Keyring, SeededEntropy) {
    let entropy = SeededEntropy::new(7);
    (Keyring::new(RootKey::generate(&entropy)), entropy)
}

fn name(version: u32) -> KeyVersionName {
    KeyVersionName {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        key_id: "key-1".into(),
        version,
    }
}

/// RSA of 2048 bits only, since the others take seconds in a build without optimisation.
fn asymmetric() -> impl Iterator<Item = KeySpec> {
    KeySpec::ALL.iter().copied().filter(|spec| {
        !spec.signing_algorithms().is_empty()
            && !matches!(spec, KeySpec::Rsa3072 | KeySpec::Rsa4096)
    })
}

#[test]
fn each_kind_signs_with_each_of_its_algorithms_and_for_exactly_one_message() {
    let (keyring, entropy) = keyring();
    for spec in asymmetric() {
        let made = keyring.make_material(&name(1), spec, &entropy).unwrap();
        let public = keyring.public_key(&name(1), spec, &made.wrapped).unwrap();
        let other = generate_key_pair(spec).unwrap().public_key;
        for &algorithm in spec.signing_algorithms() {
            let what = format!("{} {}", spec.name(), algorithm.name());
            let sign = |message| keyring.sign(&name(1), spec, &made.wrapped, algorithm, message);
            let verify = |public: &[u8], message, signature: &[u8]| {
                verify(spec, public, algorithm, message, signature).unwrap()
            };
            let raw = Message::Raw(b"message");
            let signature = sign(raw).unwrap();
            assert!(verify(&public, raw, &signature), "{what}");
            assert!(
                !verify(&public, Message::Raw(b"massage"), &signature),
                "{what}"
            );
            assert!(!verify(&other, raw, &signature), "{what}");
            assert!(!verify(b"no key", raw, &signature), "{what}");
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert!(!verify(&public, raw, &changed), "{what} byte {at}");
            }
            if spec == KeySpec::EccNistEdwards25519 {
                assert_eq!(sign(Message::Digest(&[0; 64])), Err(UseError::NoDigest));
                continue;
            }
            let hash = hash_of(algorithm);
            let digest = digest::digest(hash, b"message");
            let digest = Message::Digest(digest.as_ref());
            assert!(verify(&public, digest, &signature), "{what}");
            assert!(verify(&public, raw, &sign(digest).unwrap()), "{what}");
            let expected_bytes = hash.output_len();
            assert_eq!(
                sign(Message::Digest(b"short")),
                Err(UseError::DigestLength { expected_bytes }),
                "{what}"
            );
        }
    }
}

#[test]
fn a_key_has_no_algorithm_of_another_kind() {
    let (keyring, entropy) = keyring();
    let spec = KeySpec::EccNistP256;
    let made = keyring.make_material(&name(1), spec, &entropy).unwrap();
    for algorithm in [
        SigningAlgorithm::EcdsaSha384,
        SigningAlgorithm::RsassaPssSha256,
    ] {
        let signed = keyring.sign(&name(1), spec, &made.wrapped, algorithm, Message::Raw(b"m"));
        assert_eq!(signed, Err(UseError::Algorithm));
    }
    let mac = keyring.mac(
        &name(1),
        spec,
        &made.wrapped,
        MacAlgorithm::HmacSha256,
        b"m",
    );
    assert_eq!(mac, Err(UseError::Algorithm));
}

#[test]
fn codes_are_those_of_the_standard() {
    let (keyring, entropy) = keyring();
    // RFC 4231, test case 2 has a shorter key than KMS takes; so the same computed another way.
    for (spec, algorithm, length) in [
        (KeySpec::Hmac224, MacAlgorithm::HmacSha224, 28),
        (KeySpec::Hmac256, MacAlgorithm::HmacSha256, 32),
        (KeySpec::Hmac384, MacAlgorithm::HmacSha384, 48),
        (KeySpec::Hmac512, MacAlgorithm::HmacSha512, 64),
    ] {
        let key = SecretBytes::new(vec![0x0b; length]);
        let made = keyring
            .import_material(&name(1), spec, &key, &entropy)
            .unwrap();
        let mac = keyring
            .mac(&name(1), spec, &made.wrapped, algorithm, b"Hi There")
            .unwrap();
        assert_eq!(mac.len(), length);
        let check = |message: &[u8], mac: &[u8]| {
            keyring
                .verify_mac(&name(1), spec, &made.wrapped, algorithm, message, mac)
                .unwrap()
        };
        assert!(check(b"Hi There", &mac));
        assert!(!check(b"Hi there", &mac));
        assert!(!check(b"Hi There", &mac[1..]));
        let other = if algorithm == MacAlgorithm::HmacSha256 {
            MacAlgorithm::HmacSha512
        } else {
            MacAlgorithm::HmacSha256
        };
        let refused = keyring.mac(&name(1), spec, &made.wrapped, other, b"m");
        assert_eq!(refused, Err(UseError::Algorithm));
    }
}

#[test]
fn what_the_public_key_encrypts_only_the_private_key_decrypts() {
    let (keyring, entropy) = keyring();
    let spec = KeySpec::Rsa2048;
    let made = keyring.make_material(&name(1), spec, &entropy).unwrap();
    let public = keyring.public_key(&name(1), spec, &made.wrapped).unwrap();
    let value = SecretBytes::copy_of(b"hunter2");
    for algorithm in [
        EncryptionAlgorithm::RsaesOaepSha1,
        EncryptionAlgorithm::RsaesOaepSha256,
    ] {
        let sealed = encrypt_with_public_key(&public, algorithm, &value).unwrap();
        let open = |algorithm, sealed: &[u8]| {
            keyring.decrypt_with_private_key(&name(1), spec, &made.wrapped, algorithm, sealed)
        };
        assert!(open(algorithm, &sealed).unwrap().matches(&value));
        let mut changed = sealed.clone();
        changed[9] ^= 1;
        assert_eq!(
            open(algorithm, &changed).unwrap_err(),
            UseError::NotDecrypted
        );
        let long = SecretBytes::new(vec![1; 256]);
        let refused = encrypt_with_public_key(&public, algorithm, &long);
        assert_eq!(refused.unwrap_err(), UseError::TooLong);
    }
}

#[test]
fn material_opens_for_its_own_key_version_and_kind_alone() {
    let (keyring, entropy) = keyring();
    let made = keyring
        .make_material(&name(1), KeySpec::Hmac256, &entropy)
        .unwrap();
    for (name, spec) in [
        (name(2), KeySpec::Hmac256),
        (name(1), KeySpec::SymmetricDefault),
        (name(1), KeySpec::Hmac384),
    ] {
        let opened = keyring.ready(&name, spec, &made.wrapped, |_| ());
        assert_eq!(opened.unwrap_err().why, OpenFailure::NotAuthentic);
    }
}

#[test]
fn a_ciphertext_is_no_data_key_and_the_reverse() {
    let (keyring, entropy) = keyring();
    let material = keyring.new_material(&name(1), &entropy);
    let context = EncryptionContext::of([("a", "b")]);
    let value = SecretBytes::new(vec![9; 32]);
    let blob = keyring
        .encrypt(&name(1), &material, &[], &context, &value, &entropy)
        .unwrap();
    let decrypt = |context: &EncryptionContext, sealed: &[u8]| {
        keyring.decrypt(&name(1), &material, &[], context, sealed)
    };
    assert!(decrypt(&context, &blob).unwrap().matches(&value));
    let sealed = Sealed::from_bytes(blob.clone());
    let refused = keyring.open_data_key(&name(1), &material, &context, &sealed);
    assert_eq!(refused.unwrap_err().what, Purpose::DataKey);
    let (_, data_key) = keyring
        .generate_data_key(&name(1), &material, &context, &entropy)
        .unwrap();
    let refused = decrypt(&context, data_key.as_bytes());
    assert_eq!(refused.unwrap_err().what, Purpose::Ciphertext);
    let other = EncryptionContext::of([("A", "b")]);
    assert!(decrypt(&other, &blob).is_err());
}

#[test]
fn a_ciphertext_is_bound_to_the_header_before_it_apart_from_the_context() {
    let (keyring, entropy) = keyring();
    let material = keyring.new_material(&name(1), &entropy);
    let value = SecretBytes::new(vec![9; 32]);
    let context = EncryptionContext::of([("a", "b")]);
    let nothing = EncryptionContext::of::<&str, &str>([]);
    let blob = keyring
        .encrypt(&name(1), &material, b"head", &context, &value, &entropy)
        .unwrap();
    let (header, sealed) = blob.split_at(4);
    assert_eq!(header, b"head");
    // The pair of the context as it is encoded, and its number.
    let pair = [&[0, 0, 0, 1][..], b"a", &[0, 0, 0, 1], b"b"].concat();
    for (case, header, context) in [
        ("another header", &b"Head"[..], &context),
        ("a shorter header", b"hea", &context),
        ("a longer header", b"head\0", &context),
        ("none", b"", &context),
        (
            "the pair in the header",
            &[&pair[..], b"head"].concat(),
            &nothing,
        ),
        (
            "the header as a pair",
            b"",
            &EncryptionContext::of([("a", "b"), ("head", "")]),
        ),
    ] {
        let opened = keyring.decrypt(&name(1), &material, header, context, sealed);
        assert_eq!(opened.unwrap_err().what, Purpose::Ciphertext, "{case}");
    }
    let opened = keyring.decrypt(&name(1), &material, b"head", &context, sealed);
    assert!(opened.unwrap().matches(&value));
}

const CREDENTIAL: CredentialName<'static> = CredentialName {
    account: "123456789012",
    access_key_id: "AKIA1",
};

#[test]
fn while_a_root_key_retires_what_it_sealed_opens_and_can_be_sealed_anew() {
    let (keyring, entropy) = keyring();
    let first = keyring.root_key_id();
    let spec = KeySpec::SymmetricDefault;
    let old = keyring.new_material(&name(1), &entropy);
    let secret = SecretBytes::copy_of(b"credential");
    let old_credential = keyring.seal_credential(CREDENTIAL, &secret, &entropy);
    let token = keyring.seal_token("page", b"x", &entropy);

    keyring.begin_rewrap(RootKey::generate(&entropy));
    assert_eq!(keyring.retiring_ids(), [first]);
    assert!(keyring.open_token("page", &token).is_ok());
    let rewrap = |sealed| keyring.rewrap_material(&name(1), spec, sealed, &entropy);
    let new = rewrap(&old).unwrap().unwrap();
    assert_eq!(rewrap(&new), Ok(None));
    let new_credential = keyring
        .rewrap_credential(CREDENTIAL, &old_credential, &entropy)
        .unwrap()
        .unwrap();

    keyring.finish_rewrap();
    assert!(keyring.retiring_ids().is_empty());
    let opened = keyring
        .open_credential(CREDENTIAL, &new_credential)
        .unwrap();
    assert!(opened.matches(&secret));
    assert!(
        keyring
            .open_credential(CREDENTIAL, &old_credential)
            .is_err()
    );
    assert!(rewrap(&old).is_err());
    assert!(keyring.ready(&name(1), spec, &new, |_| ()).is_ok());
}

#[test]
fn brought_material_is_taken_out_of_its_wrapping_and_must_fit_the_key() {
    let (keyring, entropy) = keyring();
    let pair = WrappingKey::generate(KeySpec::Rsa2048).unwrap();
    let kept = pair.to_bytes().unwrap();
    let public = pair.public_key().unwrap();
    let material = SecretBytes::new(vec![5; 32]);
    for (wrapping, &(_, algorithm)) in WrappingAlgorithm::ALL.iter().map(|it| (it.0, it)) {
        let WrappingAlgorithm::Oaep(oaep) = algorithm else {
            continue;
        };
        let wrapped = encrypt_with_public_key(&public, oaep, &material).unwrap();
        let again = || WrappingKey::from_bytes(&kept).unwrap();
        let opened = again().unwrap(algorithm, &wrapped).unwrap();
        assert!(opened.matches(&material), "{wrapping}");
        assert!(
            again().unwrap(algorithm, &wrapped[1..]).is_err(),
            "{wrapping}"
        );
        let other = WrappingAlgorithm::OaepThenAesKeyWrap(oaep);
        assert!(again().unwrap(other, &wrapped).is_err(), "{wrapping}");
    }
    let import = |name: &KeyVersionName, spec, bytes: &[u8]| {
        keyring.import_material(name, spec, &SecretBytes::copy_of(bytes), &entropy)
    };
    let first = import(&name(1), KeySpec::SymmetricDefault, &[5; 32]).unwrap();
    let again = import(&name(1), KeySpec::SymmetricDefault, &[5; 32]).unwrap();
    assert_eq!(first.id, again.id);
    assert_ne!(first.wrapped, again.wrapped);
    let pair = generate_key_pair(KeySpec::EccNistP256).unwrap();
    let pkcs8 = pair.private_key.expose();
    let taken = import(&name(1), KeySpec::EccNistP256, pkcs8).unwrap();
    let public = keyring.public_key(&name(1), KeySpec::EccNistP256, &taken.wrapped);
    assert_eq!(public, Ok(pair.public_key));
    for (spec, bytes) in [
        (KeySpec::SymmetricDefault, &[5; 31][..]),
        (KeySpec::Hmac224, &[5; 32]),
        (KeySpec::EccNistP384, pkcs8),
        (KeySpec::Rsa2048, pkcs8),
        (KeySpec::EccNistEdwards25519, pkcs8),
        (KeySpec::EccNistP256, &pkcs8[1..]),
    ] {
        let refused = import(&name(1), spec, bytes);
        assert_eq!(refused.unwrap_err(), UseError::Algorithm, "{}", spec.name());
    }
}
