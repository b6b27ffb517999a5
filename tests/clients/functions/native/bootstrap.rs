//! A rotation function as a native executable for the runtimes `provided.*`: it speaks Lambda's Runtime API and calls
//! Secrets Manager with nothing but the standard library. `rustc bootstrap.rs` builds it.
//!
//! It rotates a value that is one word, and trusts `http://` endpoints alone: an example, and a test.

use std::env::var;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let runtime = var("AWS_LAMBDA_RUNTIME_API").expect("Lambda sets it");
    loop {
        let (headers, event) = http(&runtime, "GET", "/2018-06-01/runtime/invocation/next", &[], "");
        let id = header(&headers, "lambda-runtime-aws-request-id").expect("each invocation has an id");
        let path = format!("/2018-06-01/runtime/invocation/{id}");
        match handle(&event) {
            Ok(()) => http(&runtime, "POST", &format!("{path}/response"), &[], "null"),
            Err(message) => {
                let body = format!(r#"{{"errorType":"Error","errorMessage":"{message}"}}"#);
                http(&runtime, "POST", &format!("{path}/error"), &[], &body)
            }
        };
    }
}

/// Takes one step of one rotation; each is safe to repeat.
fn handle(event: &str) -> Result<(), String> {
    let member = |name| text_of(event, name).ok_or_else(|| format!("the event has no {name}"));
    let (arn, token, step) = (member("SecretId")?, member("ClientRequestToken")?, member("Step")?);
    println!("{step} of version {token}");
    let secret = format!(r#""SecretId":"{arn}""#);
    let pending = format!(r#"{{{secret},"VersionId":"{token}","VersionStage":"AWSPENDING"}}"#);
    let described = ask("DescribeSecret", &format!("{{{secret}}}"))?;
    let labels = described.split(&format!("\"{token}\":[")).nth(1).and_then(|rest| rest.split(']').next());
    let labels = labels.ok_or("the version has no stage for rotation")?;
    if labels.contains("AWSCURRENT") {
        return Ok(());
    }
    match step.as_str() {
        "createSecret" => {
            if ask("GetSecretValue", &pending).is_ok() {
                return Ok(());
            }
            let made = ask("GetRandomPassword", r#"{"ExcludePunctuation":true}"#)?;
            let value = text_of(&made, "RandomPassword").ok_or("there is no password")?;
            let put = format!(
                r#"{{{secret},"ClientRequestToken":"{token}","SecretString":"{value}","VersionStages":["AWSPENDING"]}}"#
            );
            ask("PutSecretValue", &put).map(|_| ())
        }
        "setSecret" => Ok(()),
        "testSecret" => ask("GetSecretValue", &pending).map(|_| ()),
        "finishSecret" => {
            let current = ask("GetSecretValue", &format!("{{{secret}}}"))?;
            let current = text_of(&current, "VersionId").ok_or("there is no current version")?;
            let moved = format!(
                r#"{{{secret},"VersionStage":"AWSCURRENT","MoveToVersionId":"{token}","RemoveFromVersionId":"{current}"}}"#
            );
            ask("UpdateSecretVersionStage", &moved).map(|_| ())
        }
        other => Err(format!("Invalid step parameter {other}")),
    }
}

/// Calls Secrets Manager, signed.
fn ask(operation: &str, body: &str) -> Result<String, String> {
    let endpoint = var("SECRETS_MANAGER_ENDPOINT").or_else(|_| var("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.map_err(|_| "no endpoint is set")?;
    let host = endpoint.strip_prefix("http://").ok_or("only http:// endpoints")?.trim_end_matches('/');
    let set = |name: &str| var(name).map_err(|_| format!("{name} isn't set"));
    let (key, secret) = (set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?);
    let (session, region) = (set("AWS_SESSION_TOKEN")?, set("AWS_REGION")?);
    let (date, time) = utc_now();
    let stamp = format!("{date}T{time}Z");
    let target = format!("secretsmanager.{operation}");
    let signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    let canonical = format!(
        "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:{host}\nx-amz-date:{stamp}\n\
         x-amz-security-token:{session}\nx-amz-target:{target}\n\n{signed}\n{}",
        hex(&sha256(body.as_bytes()))
    );
    let scope = format!("{date}/{region}/secretsmanager/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&sha256(canonical.as_bytes())));
    let mut signing_key = format!("AWS4{secret}").into_bytes();
    for part in [date.as_str(), &region, "secretsmanager", "aws4_request"] {
        signing_key = hmac(&signing_key, part.as_bytes()).to_vec();
    }
    let signature = hex(&hmac(&signing_key, to_sign.as_bytes()));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={signed}, Signature={signature}");
    let headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Date", &stamp),
        ("X-Amz-Security-Token", &session),
        ("X-Amz-Target", &target),
        ("Authorization", &authorization),
    ];
    let (answered, answer) = http(host, "POST", "/", &headers, body);
    match answered.split(' ').nth(1) {
        Some("200") => Ok(answer),
        _ => Err(text_of(&answer, "Message").unwrap_or_else(|| format!("{operation} was refused")).replace('"', "'")),
    }
}

/// One request over a connection of its own: the answer's head, and its body.
fn http(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(host).expect("the server is there");
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).expect("the server listens");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(each, _)| each.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned())
}

/// The text of a member, wherever it is; enough for the answers that are read here.
fn text_of(json: &str, name: &str) -> Option<String> {
    let rest = json.split(&format!("\"{name}\":")).nth(1)?.trim_start();
    Some(rest.strip_prefix('"')?.split('"').next()?.to_owned())
}

fn utc_now() -> (String, String) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // From days to a date of the Gregorian calendar, whose years begin in March here.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = match month < 10 {
        true => (month + 3, year + era * 400),
        false => (month - 9, year + era * 400 + 1),
    };
    let time = format!("{:02}{:02}{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
    (format!("{year:04}{month:02}{day:02}"), time)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    match key.len() > 64 {
        true => block[..32].copy_from_slice(&sha256(key)),
        false => block[..key.len()].copy_from_slice(key),
    }
    let padded = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = sha256(&[padded(0x36), message.to_vec()].concat());
    sha256(&[padded(0x5c), inner.to_vec()].concat())
}

/// FIPS 180-4.
fn sha256(message: &[u8]) -> [u8; 32] {
    // The first 32 bits of the fractions of the cube roots of the first 64 primes, and of the square roots of eight.
    let primes: Vec<u64> = (2..312).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    let fraction = |root: f64| (root.fract() * 4_294_967_296.0) as u32;
    let constants: Vec<u32> = primes.iter().map(|prime| fraction((*prime as f64).cbrt())).collect();
    let mut state: Vec<u32> = primes[..8].iter().map(|prime| fraction((*prime as f64).sqrt())).collect();
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> =
            block.chunks(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]])).collect();
        for at in 16..64 {
            let (a, b) = (words[at - 15], words[at - 2]);
            let first = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let second = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            words.push(words[at - 16].wrapping_add(first).wrapping_add(words[at - 7]).wrapping_add(second));
        }
        let mut s = state.clone();
        for at in 0..64 {
            let e = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let choice = (s[4] & s[5]) ^ (!s[4] & s[6]);
            let one = s[7].wrapping_add(e).wrapping_add(choice).wrapping_add(constants[at]).wrapping_add(words[at]);
            let a = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            s.rotate_right(1);
            s[4] = s[4].wrapping_add(one);
            s[0] = one.wrapping_add(a).wrapping_add(majority);
        }
        for (word, added) in state.iter_mut().zip(s) {
            *word = word.wrapping_add(added);
        }
    }
    let mut digest = [0; 32];
    for (four, word) in digest.chunks_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    digest
}
