//! The keys that an identity provider publishes, and whether one of them signed a token.
//!
//! A key is only ever used for the algorithms of its own kind, so that no token can have a public key taken for a secret,
//! or none asked for.
//!
//! Source: JSON Web Key (RFC 7517), JSON Web Algorithms (RFC 7518); AWS IAM User Guide, Create an OpenID Connect (OIDC)
//! identity provider in IAM, for which algorithms are taken.

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use serde::Deserialize;
use serde_json::Value;
use strongroom_services::sts::web_identity::Distrust;

use super::token::Token;

/// Keys of one provider that are looked at. Source: IAM and AWS STS quotas, JSON Web Keys of a provider.
const KEYS_MAX: usize = 200;

/// A provider's keys.
#[derive(Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    /// The one algorithm that it is for, where it says so.
    algorithm: Option<String>,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point on the curve of an algorithm.
    Ecdsa {
        curve: &'static Curve,
        point: Vec<u8>,
    },
}

/// A curve, and the only algorithm that it is used with.
#[derive(Debug)]
struct Curve {
    name: &'static str,
    algorithm: &'static str,
    verification: &'static EcdsaVerificationAlgorithm,
    coordinate_bytes: usize,
}

static CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        algorithm: "ES256",
        verification: &signature::ECDSA_P256_SHA256_FIXED,
        coordinate_bytes: 32,
    },
    Curve {
        name: "P-384",
        algorithm: "ES384",
        verification: &signature::ECDSA_P384_SHA384_FIXED,
        coordinate_bytes: 48,
    },
    Curve {
        name: "P-521",
        algorithm: "ES512",
        verification: &signature::ECDSA_P521_SHA512_FIXED,
        coordinate_bytes: 66,
    },
];

/// The algorithms of RSA keys. Keys of less than 2,048 bits verify nothing.
static RSA: [(&str, &RsaParameters); 6] = [
    ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RS384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RS512", &signature::RSA_PKCS1_2048_8192_SHA512),
    ("PS256", &signature::RSA_PSS_2048_8192_SHA256),
    ("PS384", &signature::RSA_PSS_2048_8192_SHA384),
    ("PS512", &signature::RSA_PSS_2048_8192_SHA512),
];

/// A key as it is published. What isn't understood is passed over: a provider may have others.
#[derive(Deserialize)]
struct Published {
    kty: String,
    #[serde(rename = "use")]
    used_for: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a published set.
    ///
    /// # Errors
    /// It is no set of keys, or one without a key that tokens can be signed by.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json)
            .map_err(|error| format!("is no JSON Web Key Set ({error})"))?;
        let published = set.keys.into_iter().take(KEYS_MAX);
        let keys: Vec<PublicKey> = published
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(PublicKey::of)
            .collect();
        if keys.is_empty() {
            return Err("has no RSA or elliptic-curve key for signatures".to_owned());
        }
        Ok(KeySet(keys))
    }

    /// Whether a key may have signed a token: there is one of its id and kind.
    pub(super) fn may_have_signed(&self, token: &Token<'_>) -> bool {
        self.of(token).next().is_some()
    }

    /// Whether one of the keys signed a token.
    ///
    /// # Errors
    /// [`Distrust`]
    pub fn check(&self, token: &Token<'_>) -> Result<(), Distrust> {
        let mut keys = self.of(token).peekable();
        if keys.peek().is_none() {
            return Err(Distrust::UnknownKey);
        }
        match keys.any(|key| key.signed(token)) {
            true => Ok(()),
            false => Err(Distrust::Forged),
        }
    }

    fn of<'s>(&'s self, token: &'s Token<'_>) -> impl Iterator<Item = &'s PublicKey> {
        let is_named = |key: &&PublicKey| match token.key_id() {
            Some(id) => key.id.as_deref() == Some(id),
            None => true,
        };
        let fits = |key: &&PublicKey| key.is_for(token.algorithm());
        self.0.iter().filter(is_named).filter(fits)
    }
}

impl PublicKey {
    fn of(published: Published) -> Option<Self> {
        if published.used_for.is_some_and(|used| used != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| BASE64_URL.decode(text?).ok();
        let key = match published.kty.as_str() {
            "RSA" => Key::Rsa {
                modulus: without_zeros(bytes(published.n)?),
                exponent: without_zeros(bytes(published.e)?),
            },
            "EC" => {
                let curve = published.crv?;
                let curve = CURVES.iter().find(|each| each.name == curve)?;
                let mut point = vec![4];
                for coordinate in [published.x, published.y] {
                    let coordinate = without_zeros(bytes(coordinate)?);
                    let missing = curve.coordinate_bytes.checked_sub(coordinate.len())?;
                    point.resize(point.len() + missing, 0);
                    point.extend(coordinate);
                }
                Key::Ecdsa { curve, point }
            }
            _ => return None,
        };
        Some(PublicKey {
            id: published.kid,
            algorithm: published.alg,
            key,
        })
    }

    fn is_for(&self, algorithm: &str) -> bool {
        let of_kind = match &self.key {
            Key::Rsa { .. } => RSA.iter().any(|(name, _)| *name == algorithm),
            Key::Ecdsa { curve, .. } => curve.algorithm == algorithm,
        };
        of_kind
            && self
                .algorithm
                .as_deref()
                .is_none_or(|only| only == algorithm)
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        let (message, made) = token.signed();
        match &self.key {
            Key::Rsa { modulus, exponent } => {
                let mut all = RSA.iter();
                let found = all.find(|(name, _)| *name == token.algorithm());
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                found.is_some_and(|(_, parameters)| key.verify(parameters, message, made).is_ok())
            }
            Key::Ecdsa { curve, point } => UnparsedPublicKey::new(curve.verification, point)
                .verify(message, made)
                .is_ok(),
        }
    }
}

fn without_zeros(bytes: Vec<u8>) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0);
    bytes[first.unwrap_or(bytes.len())..].to_vec()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RsaEncoding};
    use serde_json::json;

    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        BASE64_URL.encode(bytes)
    }

    fn signed_part(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| encoded(value.to_string().as_bytes());
        format!("{}.{}", part(header), part(claims))
    }

    /// An RSA key, as it is published, and what signs by it.
    struct Rsa(RsaKeyPair);

    impl Rsa {
        fn new() -> Self {
            Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
        }

        fn published(&self, more: Value) -> Value {
            // An RSAPublicKey in DER: of 2,048 bits behind nine bytes, and an exponent of three bytes at the end.
            let public = self.0.public_key().as_ref();
            let exponent = &public[public.len() - 3..];
            let mut key = json!({
                "kty": "RSA", "n": encoded(&public[9..9 + 256]), "e": encoded(exponent),
            });
            for (name, value) in more.as_object().unwrap() {
                key[name] = value.clone();
            }
            key
        }

        fn token(&self, header: Value, encoding: &'static dyn RsaEncoding) -> String {
            let signed = signed_part(&header, &json!({"sub": "x"}));
            let mut made = vec![0; self.0.public_modulus_len()];
            let random = SystemRandom::new();
            self.0
                .sign(encoding, &random, signed.as_bytes(), &mut made)
                .unwrap();
            format!("{signed}.{}", encoded(&made))
        }
    }

    fn check(keys: Value, token: &str) -> Result<(), Distrust> {
        let keys = KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        keys.check(&Token::read(token.as_bytes()).ok_or(Distrust::NotAToken)?)
    }

    #[test]
    fn a_token_is_good_only_by_a_key_of_its_id_and_kind() {
        let (rsa, other) = (Rsa::new(), Rsa::new());
        let rs256 = &signature::RSA_PKCS1_SHA256;
        let key = |more: Value| rsa.published(more);
        let token = |header: Value| rsa.token(header, rs256);
        let named = token(json!({"alg": "RS256", "kid": "a"}));
        #[rustfmt::skip]
        let cases: Vec<(Value, String, Result<(), Distrust>)> = vec![
            (json!([key(json!({"kid": "a"}))]), named.clone(), Ok(())),
            (json!([key(json!({"kid": "a", "alg": "RS256", "use": "sig"}))]), named.clone(), Ok(())),
            (json!([other.published(json!({"kid": "b"})), key(json!({"kid": "a"}))]), named.clone(), Ok(())),
            (json!([key(json!({"kid": "b"}))]), named.clone(), Err(Distrust::UnknownKey)),
            (json!([key(json!({}))]), named.clone(), Err(Distrust::UnknownKey)),
            (json!([other.published(json!({"kid": "a"}))]), named.clone(), Err(Distrust::Forged)),
            (json!([key(json!({"kid": "a", "alg": "RS512"}))]), named.clone(), Err(Distrust::UnknownKey)),
            // Without an id any key of the kind may have signed.
            (json!([other.published(json!({"kid": "b"})), key(json!({"kid": "a"}))]), token(json!({"alg": "RS256"})), Ok(())),
            (json!([other.published(json!({}))]), token(json!({"alg": "RS256"})), Err(Distrust::Forged)),
            // The signature is of the header too, and the algorithm is not for the token to choose.
            (json!([key(json!({"kid": "a"}))]), rsa.token(json!({"alg": "RS512", "kid": "a"}), rs256), Err(Distrust::Forged)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"alg": "none", "kid": "a"})), Err(Distrust::UnknownKey)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"alg": "HS256", "kid": "a"})), Err(Distrust::UnknownKey)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"alg": "ES256", "kid": "a"})), Err(Distrust::UnknownKey)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"alg": "rs256", "kid": "a"})), Err(Distrust::UnknownKey)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"alg": "RS256", "kid": "a", "crit": ["x"]})), Err(Distrust::NotAToken)),
            (json!([key(json!({"kid": "a"}))]), token(json!({"kid": "a"})), Err(Distrust::NotAToken)),
            (json!([key(json!({"kid": "a"}))]), named.rsplit_once('.').unwrap().0.to_owned() + ".", Err(Distrust::Forged)),
            (json!([key(json!({"kid": "a"}))]), "a.b".to_owned(), Err(Distrust::NotAToken)),
            (json!([key(json!({"kid": "a"}))]), format!("{named}.x"), Err(Distrust::NotAToken)),
        ];
        for (keys, token, expected) in cases {
            assert_eq!(check(keys.clone(), &token), expected, "{token} by {keys}");
        }
        let other_claims = encoded(br#"{"sub":"y"}"#);
        let parts: Vec<&str> = named.split('.').collect();
        let forged = format!("{}.{other_claims}.{}", parts[0], parts[2]);
        assert_eq!(
            check(json!([key(json!({"kid": "a"}))]), &forged),
            Err(Distrust::Forged)
        );
    }

    #[test]
    fn each_algorithm_of_aws_is_understood() {
        let rsa = Rsa::new();
        let keys = json!([rsa.published(json!({}))]);
        let encodings: [(&str, &'static dyn RsaEncoding); 6] = [
            ("RS256", &signature::RSA_PKCS1_SHA256),
            ("RS384", &signature::RSA_PKCS1_SHA384),
            ("RS512", &signature::RSA_PKCS1_SHA512),
            ("PS256", &signature::RSA_PSS_SHA256),
            ("PS384", &signature::RSA_PSS_SHA384),
            ("PS512", &signature::RSA_PSS_SHA512),
        ];
        for (name, encoding) in encodings {
            let token = rsa.token(json!({ "alg": name }), encoding);
            assert_eq!(check(keys.clone(), &token), Ok(()), "{name}");
        }
        for (curve, signing) in CURVES.iter().zip([
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        ]) {
            let pair = EcdsaKeyPair::generate(signing).unwrap();
            let point = pair.public_key().as_ref();
            let (x, y) = point[1..].split_at(curve.coordinate_bytes);
            let keys = json!([{"kty": "EC", "crv": curve.name, "x": encoded(x), "y": encoded(y)}]);
            let signed = signed_part(&json!({"alg": curve.algorithm}), &json!({}));
            let random = SystemRandom::new();
            let made = pair.sign(&random, signed.as_bytes()).unwrap();
            let token = format!("{signed}.{}", encoded(made.as_ref()));
            assert_eq!(check(keys.clone(), &token), Ok(()), "{}", curve.name);
            let other = signed_part(&json!({"alg": curve.algorithm}), &json!({"sub": "y"}));
            let forged = format!("{other}.{}", encoded(made.as_ref()));
            assert_eq!(check(keys, &forged), Err(Distrust::Forged));
        }
    }

    #[test]
    fn a_set_without_a_usable_key_is_none() {
        for keys in [
            json!([]),
            json!([{"kty": "oct", "k": "c2VjcmV0"}]),
            json!([{"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}]),
            json!([{"kty": "EC", "crv": "secp256k1", "x": "AQ", "y": "AQ"}]),
            json!([{"kty": "RSA", "n": "AQAB"}]),
            json!(["RSA"]),
        ] {
            let set = json!({ "keys": keys }).to_string();
            assert!(KeySet::read(set.as_bytes()).is_err(), "{set}");
        }
        for text in ["", "[]", "{}", "<html>"] {
            assert!(KeySet::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
