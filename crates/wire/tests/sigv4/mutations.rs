//! Valid requests of every kind, altered at random: none passes that differs in what it means, and those pass that
//! differ only in what the canonical form leaves out on purpose. What is to pass says the slow reference.

use http::request::Parts;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::{self, SigningKey};
use strongroom_wire::target::{Service, Target};

use super::NOW;
use super::random::{Random, seed, setting};
use super::reference::{Key, Signing, Wire};

#[test]
fn no_altered_request_passes_that_means_something_else() {
    let (seed, count) = (seed(), setting("STRONGROOM_MUTATIONS").unwrap_or(COUNT));
    let originals = originals();
    for original in &originals {
        assert!(original.is_valid(KEYS), "{original:?}");
    }
    let meanings: Vec<Meaning> = originals.iter().filter_map(Wire::meaning).collect();
    assert!(meanings.len() > originals.len() * 4 / 5);
    let (mut altered, mut passed, mut refused) = (0, 0, 0);
    for number in 0..count {
        let seed = seed.wrapping_add(number);
        let mut random = Random::new(seed);
        let original = random.pick(&originals);
        let mut mutant = original.clone();
        for _ in 0..1 + random.below(3) {
            alter(&mut mutant, &originals, &mut random);
        }
        // What isn't a request, no server sees.
        let Some(parts) = mutant.parts() else {
            continue;
        };
        let how = || {
            format!(
                "STRONGROOM_SEED={seed} STRONGROOM_MUTATIONS=1\noriginal: {original:?}\nmutant: {mutant:?}"
            )
        };
        let accepted = mutant.is_accepted(&parts);
        assert_eq!(accepted, mutant.is_valid(KEYS), "{}", how());
        if accepted && let Some(meaning) = mutant.meaning() {
            assert!(meanings.contains(&meaning), "{meaning:?}\n{}", how());
        }
        altered += u64::from(mutant != *original);
        passed += u64::from(accepted && mutant != *original);
        refused += u64::from(!accepted);
    }
    println!(
        "of {count} mutants {altered} differed; {refused} were refused, {passed} passed with the same meaning"
    );
    if count >= COUNT {
        assert!(
            passed > count / 50 && refused > count / 3,
            "{passed} {refused}"
        );
    }
}

/// What a server takes a signed request for.
#[derive(PartialEq, Debug)]
struct Meaning {
    service: Service,
    operation: String,
    request: Vec<u8>,
    access_key_id: String,
    region: String,
    token: Option<String>,
}

impl Wire {
    /// Whether the verifier accepts it, as the pipeline asks it.
    fn is_accepted(&self, parts: &Parts) -> bool {
        let Ok(signed) = sigv4::read(parts) else {
            return false;
        };
        let key = KEYS.iter().find(|key| key.id == signed.access_key_id());
        key.is_some_and(|key| {
            let secret = SecretBytes::copy_of(key.secret.as_bytes());
            let key = SigningKey::derive(&secret, signed.scope());
            signed.verify(&self.body, &key, self.now).is_ok()
        })
    }

    /// What it means, if it means anything to a server.
    fn meaning(&self) -> Option<Meaning> {
        let parts = self.parts()?;
        let signed = sigv4::read(&parts).ok()?;
        let target = Target::read(&parts, &self.body).ok()?;
        target.check_scope(signed.scope()).ok()?;
        // White space in a header is as good as any other.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Meaning {
            service: target.service(),
            operation: target.operation().to_owned(),
            request: without_signature(&target.request(&self.body).ok()?),
            access_key_id: signed.access_key_id().to_owned(),
            region: signed.region().to_owned(),
            token: signed.session_token().map(words),
        })
    }
}

/// The parameters of a signature are no part of what is asked for.
fn without_signature(request: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(request) {
        Ok(serde_json::Value::Object(mut members)) => {
            members.retain(|name, _| !name.starts_with("X-Amz-"));
            serde_json::to_vec(&members).unwrap()
        }
        _ => request.to_vec(),
    }
}

/// Requests of each protocol, signed in each form, with and without a session token, by two keys.
fn originals() -> Vec<Wire> {
    let mut all = Vec::new();
    for key in KEYS {
        for token in [None, Some("token/with+signs==")] {
            for (service, request) in requests() {
                let signing = Signing {
                    key,
                    service,
                    date: "20260101T000000Z",
                    token,
                    expires: None,
                    http_date: None,
                };
                all.push(request.clone().signed(&signing));
                all.push(request.clone().signed(&Signing {
                    http_date: Some("Thu, 01 Jan 2026 00:00:00 GMT"),
                    ..signing
                }));
                for expires in [None, Some("60"), Some("604800")] {
                    all.push(request.clone().presigned(&Signing { expires, ..signing }));
                }
            }
        }
    }
    all
}

fn requests() -> Vec<(&'static str, Wire)> {
    let json = |target: &str, body: &str| {
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
        ];
        wire("POST", "/", &headers, body)
    };
    let form = [(
        "Content-Type",
        "application/x-www-form-urlencoded; charset=utf-8",
    )];
    let mut http_2 = json("secretsmanager.ListSecrets", "{}");
    http_2.uri = "http://localhost:4599/".to_owned();
    http_2.headers.retain(|(name, _)| name != "Host");
    let mut more_headers = json("secretsmanager.GetSecretValue", r#"{"SecretId":"a"}"#);
    for (name, value) in [
        ("x-amz-meta", "several  words\tand , commas"),
        ("My-List", "a"),
        ("my-list", "b, c"),
    ] {
        more_headers.headers.push((name.to_owned(), value.into()));
    }
    let hash = more_headers.body_hash().into_bytes();
    more_headers
        .headers
        .push(("x-amz-content-sha256".to_owned(), hash));
    vec![
        (
            "secretsmanager",
            json("secretsmanager.GetSecretValue", r#"{"SecretId":"a/b"}"#),
        ),
        (
            "kms",
            json("TrentService.Decrypt", r#"{"CiphertextBlob":"AQID"}"#),
        ),
        ("secretsmanager", http_2),
        ("secretsmanager", more_headers),
        (
            "iam",
            wire(
                "POST",
                "/",
                &form,
                "Action=CreateUser&Version=2010-05-08&UserName=a%2Bb&Path=%2F",
            ),
        ),
        (
            "sts",
            wire(
                "POST",
                "/",
                &form,
                "Action=GetCallerIdentity&Version=2011-06-15",
            ),
        ),
        (
            "sts",
            wire(
                "GET",
                "/?Action=GetCallerIdentity&Version=2011-06-15",
                &[],
                "",
            ),
        ),
        (
            "iam",
            wire(
                "GET",
                "/?Version=2010-05-08&Action=CreateUser&UserName=a%20b%2B&Tags.member.1.Key=%C3%A9&\
                 Tags.member.1.Value=&Path=/%zz/",
                &[("x-amz-meta", "a")],
                "",
            ),
        ),
        (
            "iam",
            wire(
                "GET",
                "/?Version=2010-05-08&Action=CreateUser&UserName=b&UserName=a",
                &[],
                "",
            ),
        ),
    ]
}

fn wire(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Wire {
    let host = ("Host", "localhost:4599");
    let headers = headers.iter().chain([&host]);
    Wire {
        method: method.to_owned(),
        uri: uri.to_owned(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect(),
        body: body.into(),
        now: NOW,
    }
}

/// Alters one thing.
fn alter(wire: &mut Wire, originals: &[Wire], random: &mut Random) {
    match random.below(16) {
        0 => {
            wire.method =
                (*random.pick(&["GET", "POST", "post", "PUT", "HEAD", "OPTIONS", "P"])).to_owned()
        }
        1..=2 => alter_query(wire, random),
        3 => {
            let mut uri = std::mem::take(&mut wire.uri).into_bytes();
            alter_bytes(&mut uri, random);
            wire.uri = String::from_utf8_lossy(&uri).into_owned();
        }
        4 => {
            let (path, query) = wire.uri.split_once('?').unwrap_or((&wire.uri, ""));
            let more = random.pick(&["/", "./", "../", "a/../", "%2e/", "%2F", "a"]);
            wire.uri = format!("{path}{more}?{query}");
        }
        5..=8 => alter_headers(wire, random),
        9 => alter_bytes(&mut wire.body, random),
        10..=12 => alter_signature(wire, random),
        13..=14 => {
            let shifts = [
                -604_801, -301, -300, -299, -60, -1, 1, 60, 61, 299, 300, 301, 86_400, 604_800,
                604_801,
            ];
            wire.now += *random.pick(&shifts);
        }
        _ => {
            // A part of another request that somebody signed.
            let other = random.pick(originals).clone();
            match random.below(5) {
                0 => wire.body = other.body,
                1 => wire.uri = other.uri,
                2 => wire.method = other.method,
                3 => wire.headers = other.headers,
                _ => {
                    if let Some(header) = other.headers.last() {
                        wire.headers.pop();
                        wire.headers.push(header.clone());
                    }
                }
            }
        }
    }
}

fn alter_query(wire: &mut Wire, random: &mut Random) {
    let (path, query) = wire.uri.split_once('?').unwrap_or((&wire.uri, ""));
    let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
    let (one, other) = (random.below(pairs.len()), random.below(pairs.len()));
    match random.below(9) {
        0 => pairs.swap(one, other),
        1 => drop(pairs.remove(one)),
        2 => pairs.insert(other, pairs[one].clone()),
        3 => pairs.insert(
            one,
            (*random.pick(&["", "a", "a=", "a=b", "Action=x", "X-Amz-Expires=9"])).to_owned(),
        ),
        4 => pairs[one].push(*random.pick(&['=', ' ', '+', 'x', '#', '%'])),
        5 => {
            // One byte in another encoding.
            let at = random.below(pairs[one].len() + 1);
            if let Some(byte) = pairs[one].as_bytes().get(at).copied()
                && byte.is_ascii()
            {
                let encoded = format!("%{byte:02x}");
                pairs[one].replace_range(at..=at, &encoded);
            }
        }
        6 => {
            let (from, to) = random.pick(&[
                ("%2F", "/"),
                ("%2F", "%2f"),
                ("%20", "+"),
                ("%2B", "+"),
                ("%zz", "%25zz"),
            ]);
            pairs[one] = pairs[one].replace(from, to);
        }
        7 => pairs[one] = pairs[one].to_lowercase(),
        _ => {
            if let Some((name, value)) = pairs[one].split_once('=') {
                // The same parameter once more, with another value, before or behind it.
                let (name, value) = (
                    name.to_owned(),
                    format!("{value}{}", random.pick(&["", "x", "0"])),
                );
                pairs.insert(one + random.below(2), format!("{name}={value}"));
            }
        }
    }
    wire.uri = format!("{path}?{}", pairs.join("&"));
}

fn alter_headers(wire: &mut Wire, random: &mut Random) {
    let headers = &mut wire.headers;
    if headers.is_empty() {
        return;
    }
    let (one, other) = (random.below(headers.len()), random.below(headers.len()));
    match random.below(12) {
        0 => headers.swap(one, other),
        1 => drop(headers.remove(one)),
        2 => {
            let copy = headers[one].clone();
            headers.insert(other, copy);
        }
        3 => {
            let (name, value) = random.pick(&[
                ("user-agent", "a"),
                ("x-forwarded-for", "192.0.2.1"),
                ("x-amzn-trace-id", "Root=1"),
                ("x-amz-added", "a"),
                ("x-amz-target", "secretsmanager.DeleteSecret"),
                ("x-amz-security-token", "another"),
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
                ("host", "localhost"),
                ("date", "Thu, 01 Jan 2026 00:01:00 GMT"),
                ("authorization", "AWS4-HMAC-SHA256 a=b"),
                ("my-list", "d"),
            ]);
            headers.insert(other, ((*name).to_owned(), (*value).into()));
        }
        4 => headers[one].0 = headers[one].0.to_uppercase(),
        5 => {
            // Space around a value, or more of it where there is some.
            let value = &mut headers[one].1;
            let space = random.pick(b" \t");
            match value.iter().position(|byte| *byte == b' ') {
                Some(at) if random.below(2) == 0 => value.insert(at, *space),
                _ if random.below(2) == 0 => value.push(*space),
                _ => value.insert(0, *space),
            }
        }
        6 => {
            // A value apart at its comma, which HTTP allows.
            let (name, value) = headers[one].clone();
            if let Some(at) = value.iter().position(|byte| *byte == b',') {
                headers[one].1.truncate(at);
                headers.insert(one + 1, (name, value[at + 1..].to_vec()));
            }
        }
        7 => {
            let added = headers[other].1.clone();
            headers[one].1.extend(added);
        }
        8 => headers[one].0 = headers[other].0.clone(),
        9 => headers[one].1 = headers[one].1.to_ascii_uppercase(),
        _ => alter_bytes(&mut headers[one].1, random),
    }
}

/// Alters what the signature says of itself, be it in the header or in the query.
fn alter_signature(wire: &mut Wire, random: &mut Random) {
    let (from, to) = *random.pick(&[
        ("SignedHeaders=content-type;host", "SignedHeaders=host"),
        ("SignedHeaders=content-type%3Bhost", "SignedHeaders=host"),
        ("host", "Host"),
        ("host;", ""),
        ("host;", "host;host;"),
        ("x-amz-date", "x-amz-date;x-amz-extra"),
        (";x-amz-target", ""),
        ("%3Bx-amz-target", ""),
        ("content-type;host", "host;content-type"),
        ("20260101", "20260102"),
        ("20260101T000000Z", "20260101T000001Z"),
        ("us-east-1", "us-east-2"),
        ("us-east-1", "US-EAST-1"),
        ("secretsmanager/aws4", "kms/aws4"),
        ("kms/aws4", "secretsmanager/aws4"),
        ("sts/aws4", "iam/aws4"),
        ("iam%2Faws4", "sts%2Faws4"),
        ("aws4_request", "aws5_request"),
        ("AKIDONE", "AKIDTWO"),
        ("AKIDTWO", "AKIDONE"),
        ("AKIDONE", "AKIDTHREE"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
        ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256\t \t"),
        (", SignedHeaders", ",SignedHeaders"),
        (", Signature", " ,\tSignature"),
        (", Signature", ", Other=1, Signature"),
        (", Signature", ", Other, Signature"),
        (", Signature", ", Signature=0, Signature"),
        ("Signature=", "Signature=0"),
        ("Signature=", "signature="),
        ("Expires=60", "Expires=604800"),
        ("Expires=60", "Expires=060"),
        ("X-Amz-Expires=60&", ""),
        ("Credential=", "Credential=/"),
    ]);
    let replaced = |text: &str| text.replacen(from, to, 1);
    match wire
        .headers
        .iter_mut()
        .find(|(name, _)| name == "Authorization")
    {
        Some((_, value)) if random.below(4) == 0 => {
            // The same parameters in another order.
            let text = String::from_utf8_lossy(value).into_owned();
            if let Some((algorithm, list)) = text.split_once(' ') {
                let list: Vec<&str> = list.rsplit(',').map(str::trim).collect();
                *value = format!("{algorithm} {}", list.join(", ")).into_bytes();
            }
        }
        Some((_, value)) if random.below(4) == 0 => {
            let digit = value.len() - 1 - random.below(64.min(value.len()));
            value[digit] = *random.pick(b"0123456789abcdefABCDEF");
        }
        Some((_, value)) => *value = replaced(&String::from_utf8_lossy(value)).into_bytes(),
        None => wire.uri = replaced(&wire.uri),
    }
}

fn alter_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match (random.below(5), bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = random.below(256) as u8,
        (2, Some(_)) => drop(bytes.remove(at)),
        (3, _) => bytes.truncate(at),
        _ => bytes.insert(at, *random.pick(b" \t,;=&%+#/.0aZ\"\0\xff")),
    }
}

const KEYS: &[Key] = &[
    Key {
        id: "AKIDONE",
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
    Key {
        id: "AKIDTWO",
        secret: "another/secret/of/no/value/at/all/000000",
    },
];
/// Mutants of a run, unless `STRONGROOM_MUTATIONS` says how many.
const COUNT: u64 = 20_000;
