//! No event tells a secret, whatever the call. Asked after each call of each test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::harness::Trailed;

/// Members of requests and responses that no event has, neither as they are nor in base64.
///
/// Those that the services' models (botocore) mark as sensitive, as far as operations here have them:
/// `tests/clients/python/test_audit_members.py` holds this list against them.
const SENSITIVE: &[&str] = &[
    "Base32StringSeed",
    "Plaintext",
    "PrivateKeyPlaintext",
    "QRCodePNG",
    "RandomPassword",
    "RotationToken",
    "SecretAccessKey",
    "SecretBinary",
    "SecretString",
    "Variables",
    "WebIdentityToken",
    "ZipFile",
];

/// Others of our own choice: what lets someone in for a moment, and what was made of a message or a secret.
const WITHHELD: &[&str] = &[
    "AuthenticationCode1",
    "AuthenticationCode2",
    "CiphertextBlob",
    "EncryptedKeyMaterial",
    "GrantToken",
    "GrantTokens",
    "ImportToken",
    "Mac",
    "PrivateKeyCiphertextBlob",
    "SessionToken",
    "Signature",
    "TokenCode",
];

/// What KMS signs, in requests; in answers, what is said of an error.
const MESSAGE: &str = "Message";

/// From this length on a text is looked for anywhere; a shorter one, which chance may write, as a whole value; one that
/// is shorter still, as tests use it for anything, not at all.
const LOOKED_FOR_FROM: usize = 12;
const LOOKED_FOR_WHOLE_FROM: usize = 6;

/// Looks for each sensitive value of a request and its answer in what was told of them.
pub(crate) fn check(request: &Value, answer: Option<&[u8]>, trail: &[Trailed]) {
    let mut secrets = Vec::new();
    gather(request, false, &mut secrets);
    gather(&request[MESSAGE], true, &mut secrets);
    let answer = answer.and_then(|answer| serde_json::from_slice(answer).ok());
    if let Some(answer) = &answer {
        gather(answer, false, &mut secrets);
    }
    secrets.retain(|secret| secret.len() >= LOOKED_FOR_WHOLE_FROM);
    for secret in secrets {
        for event in trail {
            let written = Value::from(secret.as_str()).to_string();
            let found = match secret.len() {
                0..LOOKED_FOR_FROM => event.json.contains(&written),
                _ => event.json.contains(written.trim_matches('"')),
            };
            assert!(!found, "{secret} is told: {}", event.json);
        }
    }
}

/// Every text below a sensitive member, and what it is in base64 and out of it.
fn gather(value: &Value, sensitive: bool, secrets: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let listed =
                    SENSITIVE.contains(&name.as_str()) || WITHHELD.contains(&name.as_str());
                gather(value, sensitive || listed, secrets);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| gather(item, sensitive, secrets)),
        Value::String(text) if sensitive => {
            secrets.push(BASE64.encode(text));
            let decoded = BASE64.decode(text).ok();
            secrets.extend(decoded.and_then(|bytes| String::from_utf8(bytes).ok()));
            secrets.push(text.clone());
        }
        _ => {}
    }
}
