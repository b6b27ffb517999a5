//! Signature Version 4 once more, slowly and by itself: strings put together as AWS's documentation writes them down.
//! It signs the requests that are then altered, and says of each altered one whether it is still validly signed.
//!
//! It shares nothing with the verifier but the framing of a request (`http`) and the primitives of aws-lc.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::{digest, hmac};
use http::Request;
use http::request::Parts;

/// A request as it travels, and when it arrives.
#[derive(Clone, PartialEq)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// An access key that exists.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
}

/// What a signer decides.
pub(crate) struct Signing<'a> {
    pub(crate) key: &'a Key,
    pub(crate) service: &'a str,
    /// `20260101T000000Z`.
    pub(crate) date: &'a str,
    pub(crate) token: Option<&'a str>,
    /// For a presigned URL, how long it is good for, if it says so.
    pub(crate) expires: Option<&'a str>,
    /// Whether the date stands in `Date` as HTTP writes it, and nowhere else.
    pub(crate) http_date: Option<&'a str>,
}

impl Wire {
    /// What HTTP makes of it, or nothing if it isn't a request.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let mut request = Request::builder().method(&*self.method).uri(&*self.uri);
        for (name, value) in &self.headers {
            request = request.header(&**name, value.as_slice());
        }
        Some(request.body(()).ok()?.into_parts().0)
    }

    /// Signs it by the `Authorization` header; every header that is there is signed.
    pub(crate) fn signed(mut self, signing: &Signing<'_>) -> Self {
        match signing.http_date {
            Some(date) => self.push("Date", date),
            None => self.push("X-Amz-Date", signing.date),
        }
        if let Some(token) = signing.token {
            self.push("X-Amz-Security-Token", token);
        }
        let names = self.names();
        let scope = scope_of(signing);
        let signature = self.signature(signing, &names);
        let (id, names) = (signing.key.id, names.join(";"));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
        );
        self.push("Authorization", &authorization);
        self
    }

    /// Signs it by its query.
    pub(crate) fn presigned(mut self, signing: &Signing<'_>) -> Self {
        let names = self.names();
        let scope = scope_of(signing);
        let mut parameters = vec![
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", signing.key.id)),
            ("X-Amz-Date", signing.date.to_owned()),
            ("X-Amz-SignedHeaders", names.join(";")),
        ];
        let more = [
            ("X-Amz-Expires", signing.expires),
            ("X-Amz-Security-Token", signing.token),
        ];
        parameters.extend(more.map(|(name, value)| (name, value.unwrap_or_default().to_owned())));
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            self.add_parameter(name, value);
        }
        let signature = self.signature(signing, &names);
        self.add_parameter("X-Amz-Signature", &signature);
        self
    }

    fn signature(&self, signing: &Signing<'_>, names: &[String]) -> String {
        let parts = self.parts().unwrap();
        let request = canonical_request(&parts, &self.body, names).unwrap();
        signature(
            signing.key.secret,
            signing.date,
            &scope_of(signing),
            &request,
        )
    }

    fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.into()));
    }

    fn add_parameter(&mut self, name: &str, value: &str) {
        self.uri
            .push(if self.uri.contains('?') { '&' } else { '?' });
        let value: Vec<_> = value.bytes().map(|byte| (byte, false)).collect();
        self.uri += &format!("{name}={}", encode(&value));
    }

    /// The names of all headers, sorted, with the host, which HTTP/2 has elsewhere.
    fn names(&self) -> Vec<String> {
        let names = self.headers.iter().map(|(name, _)| name.to_lowercase());
        let unique: BTreeSet<_> = names.chain(["host".to_owned()]).collect();
        unique.into_iter().collect()
    }

    pub(crate) fn body_hash(&self) -> String {
        hex(digest::digest(&digest::SHA256, &self.body).as_ref())
    }

    /// Whether it is validly signed by one of the keys.
    pub(crate) fn is_valid(&self, keys: &[Key]) -> bool {
        let parts = self.parts();
        parts.is_some_and(|parts| self.verify(&parts, keys).is_some())
    }

    /// `None` is no.
    fn verify(&self, parts: &Parts, keys: &[Key]) -> Option<()> {
        let mut headers = parts.headers.get_all("authorization").iter();
        let header = headers.next();
        require(headers.next().is_none())?;
        let pairs = pairs(parts.uri.query().unwrap_or_default());
        let is_in_query = pairs.iter().any(|(name, _)| is_of_signature(name));
        let claim = match (header, is_in_query) {
            (Some(header), false) => Claim::of_header(header.as_bytes(), parts)?,
            (None, true) => Claim::of_query(&pairs)?,
            _ => return None,
        };
        claim.check_headers(parts)?;
        claim.check_date(self.now)?;
        let scope: Vec<&str> = claim.credential.split('/').collect();
        let [id, day, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        require(day == &claim.date[..8] && is_name(region) && is_name(service))?;
        let key = keys.iter().find(|key| key.id == id)?;
        let hash = self.body_hash();
        let mut claims = parts.headers.get_all("x-amz-content-sha256").iter();
        require(claims.all(|claimed| claimed.as_bytes() == hash.as_bytes()))?;
        let names: Vec<String> = claim.names.split(';').map(str::to_owned).collect();
        let request = canonical_request(parts, &self.body, &names)?;
        let scope = scope[1..].join("/");
        require(claim.signature == signature(key.secret, &claim.date, &scope, &request))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "at {}", self.now)?;
        writeln!(formatter, "{} {}", self.method, self.uri)?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {}", value.escape_ascii())?;
        }
        write!(formatter, "\n{}", self.body.escape_ascii())
    }
}

/// What a request says about its signature.
struct Claim {
    credential: String,
    names: String,
    signature: String,
    /// `20260101T000000Z`.
    date: String,
    is_http_date: bool,
    window_seconds: i64,
}

impl Claim {
    fn of_header(header: &[u8], parts: &Parts) -> Option<Self> {
        let header = std::str::from_utf8(header).ok()?.trim();
        let (algorithm, list) = header.split_once([' ', '\t'])?;
        require(algorithm == "AWS4-HMAC-SHA256")?;
        let mut found: [Option<String>; 3] = Default::default();
        for parameter in list.split(',') {
            let (name, value) = parameter.trim().split_once('=')?;
            let names = ["Credential", "SignedHeaders", "Signature"];
            if let Some(place) = names.iter().position(|each| *each == name) {
                require(found[place].is_none())?;
                found[place] = Some(value.to_owned());
            }
        }
        let [credential, names, signature] = found;
        let (date, is_http_date) = date_of_headers(parts)?;
        Some(Claim {
            credential: credential?,
            names: names?,
            signature: signature?,
            date,
            is_http_date,
            window_seconds: 300,
        })
    }

    fn of_query(pairs: &[(Text, Text)]) -> Option<Self> {
        let only = |wanted: &str| {
            let mut found = pairs
                .iter()
                .filter(|(name, _)| bytes(name) == wanted.as_bytes());
            let value = found.next().map(|(_, value)| bytes(value));
            if found.next().is_some() {
                None
            } else {
                Some(value)
            }
        };
        let text = |name: &str| String::from_utf8(only(name)??).ok();
        require(text("X-Amz-Algorithm")? == "AWS4-HMAC-SHA256")?;
        only("X-Amz-Security-Token")?;
        let window_seconds = match only("X-Amz-Expires")? {
            None => 300,
            Some(digits) => {
                require(digits.iter().all(u8::is_ascii_digit))?;
                let seconds = String::from_utf8(digits).ok()?.parse().ok()?;
                require((1..=604_800).contains(&seconds))?;
                seconds
            }
        };
        Some(Claim {
            credential: text("X-Amz-Credential")?,
            names: text("X-Amz-SignedHeaders")?,
            signature: text("X-Amz-Signature")?,
            date: text("X-Amz-Date").filter(|date| seconds_of(date).is_some())?,
            is_http_date: false,
            window_seconds,
        })
    }

    fn check_headers(&self, parts: &Parts) -> Option<()> {
        let names: Vec<&str> = self.names.split(';').collect();
        let in_order: BTreeSet<&str> = names.iter().copied().collect();
        require(in_order.iter().copied().collect::<Vec<_>>() == names)?;
        require(!in_order.contains("") && self.names == self.names.to_ascii_lowercase())?;
        require(in_order.contains("host") || in_order.contains(":authority"))?;
        require(!self.is_http_date || in_order.contains("date"))?;
        let must = |name: &str| name.starts_with("x-amz-") || name == "content-type";
        let names = parts.headers.keys().map(|name| name.as_str());
        require(
            names
                .filter(|name| must(name))
                .all(|name| in_order.contains(name)),
        )
    }

    fn check_date(&self, now: i64) -> Option<()> {
        let signed = seconds_of(&self.date)?;
        require(signed <= now + 300 && now <= signed + self.window_seconds)
    }
}

/// The date of `X-Amz-Date`, else of `Date`, which is read only in the one form that is sent here.
fn date_of_headers(parts: &Parts) -> Option<(String, bool)> {
    for (name, is_http_date) in [("x-amz-date", false), ("date", true)] {
        let mut values = parts.headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        require(values.next().is_none())?;
        let value = value.to_str().ok()?;
        let basic = if is_http_date && seconds_of(value).is_none() {
            let words: Vec<&str> = value
                .split([' ', '\t', ':', ','])
                .filter(|it| !it.is_empty())
                .collect();
            let ["Thu", day, "Jan", "2026", hour, minute, second, "GMT"] = words[..] else {
                return None;
            };
            format!("202601{day}T{hour}{minute}{second}Z")
        } else {
            value.to_owned()
        };
        require(seconds_of(&basic).is_some())?;
        return Some((basic, is_http_date));
    }
    None
}

/// The seconds since 1970 of `yyyymmddThhmmssZ`.
fn seconds_of(date: &str) -> Option<i64> {
    require(date.is_ascii() && date.len() == 16 && &date[8..9] == "T" && &date[15..] == "Z")?;
    let number = |from: usize, to: usize| {
        let digits = &date[from..to];
        require(digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of = |month: i64| match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    require((1..=12).contains(&month) && (1..=days_of(month)).contains(&day))?;
    require(hour < 24 && minute < 60 && second < 60)?;
    let years: i64 = if year >= 1970 {
        (1970..year)
            .map(|year| 365 + i64::from(is_leap(year)))
            .sum()
    } else {
        -(year..1970)
            .map(|year| 365 + i64::from(is_leap(year)))
            .sum::<i64>()
    };
    let days = years + (1..month).map(days_of).sum::<i64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn canonical_request(parts: &Parts, body: &[u8], names: &[String]) -> Option<String> {
    let mut headers = String::new();
    for name in names {
        let values = parts.headers.get_all(&**name).iter();
        let values: Vec<String> = values.map(|value| one_spaced(value.as_bytes())).collect();
        let value = match (&*values, &**name) {
            ([], "host" | ":authority") => parts.uri.authority()?.to_string(),
            ([], _) => return None,
            _ => values.join(","),
        };
        headers += &format!("{name}:{value}\n");
    }
    Some(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        parts.method,
        canonical_path(parts.uri.path()),
        canonical_query(parts.uri.query().unwrap_or_default()),
        names.join(";"),
        hex(digest::digest(&digest::SHA256, body).as_ref()),
    ))
}

/// A header's value without space around it, and single spaces within. Bytes become characters one by one, so that
/// none is lost.
fn one_spaced(value: &[u8]) -> String {
    let words = value.split(|byte| *byte == b' ' || *byte == b'\t');
    let words = words.filter(|word| !word.is_empty());
    let words = words.map(|word| {
        word.iter()
            .map(|byte| char::from(*byte))
            .collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn canonical_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let plain = |text: &str| text.bytes().map(|byte| (byte, false)).collect::<Vec<_>>();
    let mut out: String = kept
        .iter()
        .map(|segment| format!("/{}", encode(&plain(segment)).replace('+', "%2B")))
        .collect();
    if kept.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    out
}

fn canonical_query(query: &str) -> String {
    let pairs = pairs(query);
    let mut encoded: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    encoded.sort();
    let joined = encoded
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    joined.collect::<Vec<_>>().join("&")
}

/// Decoded text, and of each byte whether it was percent-encoded.
type Text = Vec<(u8, bool)>;

fn pairs(query: &str) -> Vec<(Text, Text)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> Text {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let text = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = (digit(text.get(at + 1)), digit(text.get(at + 2)));
        if let (b'%', (Some(high), Some(low))) = (text[at], digits) {
            decoded.push(((high * 16 + low) as u8, true));
            at += 3;
        } else {
            decoded.push((text[at], false));
            at += 1;
        }
    }
    decoded
}

fn encode(text: &[(u8, bool)]) -> String {
    text.iter()
        .map(|(byte, was_encoded)| match char::from(*byte) {
            // Neither `%20` nor `%2B`: it must not be exchanged for either.
            '+' if !was_encoded => "+".to_owned(),
            plain @ ('A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '.' | '_' | '~') => {
                plain.to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn bytes(text: &Text) -> Vec<u8> {
    text.iter().map(|(byte, _)| *byte).collect()
}

fn is_of_signature(name: &Text) -> bool {
    let names: [&[u8]; 7] = [
        b"X-Amz-Algorithm",
        b"X-Amz-Credential",
        b"X-Amz-Date",
        b"X-Amz-Expires",
        b"X-Amz-Security-Token",
        b"X-Amz-Signature",
        b"X-Amz-SignedHeaders",
    ];
    names.contains(&&*bytes(name))
}

/// Whether a region or a service could have this name.
fn is_name(text: &str) -> bool {
    let inner = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
    text.len() < 64
        && text.chars().all(inner)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
}

fn scope_of(signing: &Signing<'_>) -> String {
    let day = &signing.date[..8];
    format!("{day}/us-east-1/{}/aws4_request", signing.service)
}

fn signature(secret: &str, date: &str, scope: &str, request: &str) -> String {
    // The characters stand for bytes.
    let request: Vec<u8> = request
        .chars()
        .map(|character| character as u32 as u8)
        .collect();
    let hash = hex(digest::digest(&digest::SHA256, &request).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for element in scope.split('/') {
        key = mac(&key, element);
    }
    hex(&mac(&key, &text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn require(holds: bool) -> Option<()> {
    holds.then_some(())
}
