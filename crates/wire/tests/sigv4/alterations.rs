//! Every part of a signed request that is altered makes it be refused; what isn't signed may change.

use http::Request;
use http::request::Parts;

use super::random::{Random, seed};
use super::vectors::{self, Vector};
use super::{NOW, check};

#[test]
fn each_altered_part_of_each_request_is_refused() {
    let seed = seed();
    let mut alterations_seen = 0;
    // Each run takes another part of them, since all take long.
    let start = Random::new(seed).below(SHARE);
    let chosen = vectors::all().iter().skip(start).step_by(SHARE);
    for vector in chosen.filter(|vector| vector.name != "authority") {
        let original = Wire::of(vector);
        assert_eq!(original.check(vector), Some(true), "{}", vector.name);
        let mut random = Random::new(seed);
        for (what, altered) in alterations(&original, &mut random) {
            match altered.check(vector) {
                // Not a request at all: no server would see it.
                None => {}
                Some(accepted) => {
                    assert!(
                        !accepted,
                        "{}: {what} (STRONGROOM_SEED={seed})",
                        vector.name
                    );
                    alterations_seen += 1;
                }
            }
        }
    }
    assert!(alterations_seen > 10_000, "only {alterations_seen}");
}

#[test]
fn headers_that_are_not_signed_may_change_on_the_way() {
    for vector in vectors::all()
        .iter()
        .filter(|vector| vector.name != "authority")
    {
        let mut altered = Wire::of(vector);
        altered
            .headers
            .retain(|(name, _)| !UNSIGNED.contains(&&**name));
        altered
            .headers
            .push(("user-agent".to_owned(), b"a proxy".to_vec()));
        altered
            .headers
            .push(("x-forwarded-for".to_owned(), b"192.0.2.1".to_vec()));
        altered
            .headers
            .push(("x-amzn-trace-id".to_owned(), b"Root=1".to_vec()));
        assert_eq!(altered.check(vector), Some(true), "{}", vector.name);
    }
}

#[test]
fn an_x_amz_header_or_a_content_type_can_not_be_added_unsigned() {
    for vector in vectors::all()
        .iter()
        .filter(|vector| vector.name != "authority")
    {
        for name in [
            "x-amz-added",
            "x-amz-target",
            "content-type",
            "x-amz-content-sha256",
        ] {
            let mut altered = Wire::of(vector);
            if altered.headers.iter().all(|(present, _)| present != name) {
                altered.headers.push((name.to_owned(), b"added".to_vec()));
                assert_eq!(
                    altered.check(vector),
                    Some(false),
                    "{}: {name}",
                    vector.name
                );
            }
        }
    }
}

fn alterations(original: &Wire, random: &mut Random) -> Vec<(String, Wire)> {
    let mut all = Vec::new();
    let mut add = |what: String, alter: &dyn Fn(&mut Wire)| {
        let mut altered = original.clone();
        alter(&mut altered);
        all.push((what, altered));
    };

    add("method".to_owned(), &|wire| {
        wire.method = "OTHER".to_owned()
    });

    let query_start = original
        .path_and_query
        .find('?')
        .unwrap_or(original.path_and_query.len());
    let climbs = original.path_and_query[..query_start].contains("..");
    for (index, byte) in original.path_and_query.bytes().enumerate().skip(1) {
        // What `..` takes back may be anything; and URIs are not cut within a character.
        if byte.is_ascii() && (index >= query_start || !climbs) {
            let other = letter_but(random, byte);
            add(format!("byte {index} of the URI"), &|wire| {
                wire.path_and_query
                    .replace_range(index..=index, &char::from(other).to_string());
            });
        }
    }
    add("parameter added".to_owned(), &|wire| {
        let separator = if wire.path_and_query.contains('?') {
            '&'
        } else {
            '?'
        };
        wire.path_and_query.push_str(&format!("{separator}added=1"));
    });

    for (index, (name, value)) in original.headers.iter().enumerate() {
        if UNSIGNED.contains(&&**name) {
            continue;
        }
        add(format!("{name} removed"), &|wire| {
            wire.headers.remove(index);
        });
        add(format!("{name} repeated"), &|wire| {
            wire.headers.push((name.clone(), b"x".to_vec()))
        });
        add(format!("{name} longer"), &|wire| {
            wire.headers[index].1.push(b'x')
        });
        for (place, byte) in value.iter().enumerate() {
            // The access key's id chooses the key, but is no part of what is signed.
            if name == "authorization" && key_id(value).contains(&place) {
                continue;
            }
            let other = letter_but(random, *byte);
            add(format!("byte {place} of {name}"), &|wire| {
                wire.headers[index].1[place] = other
            });
        }
    }

    for place in original.signature_digits() {
        for digit in [digit(random), digit(random)] {
            add(format!("digit {place} of the signature"), &|wire| {
                wire.set_signature_digit(place, digit)
            });
        }
    }

    add("a byte more of body".to_owned(), &|wire| wire.body.push(0));
    add("a byte less of body".to_owned(), &|wire| {
        if wire.body.pop().is_none() {
            wire.body = b"{}".to_vec();
        }
    });
    for index in (0..original.body.len()).step_by(1 + original.body.len() / 64) {
        let bit = 1 << random.below(8);
        add(format!("a bit of byte {index} of the body"), &|wire| {
            wire.body[index] ^= bit
        });
    }
    all
}

/// A request as it travels.
#[derive(Clone, PartialEq)]
struct Wire {
    method: String,
    path_and_query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Wire {
    fn of(vector: &Vector) -> Self {
        let parts = vector.parts_of_http_1();
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            (name.to_string(), value.as_bytes().to_vec())
        };
        Self {
            method: parts.method.to_string(),
            path_and_query: parts.uri.to_string(),
            headers: parts.headers.iter().map(header).collect(),
            body: vector.body(),
        }
    }

    /// Whether it is accepted, or nothing if it isn't a request.
    fn check(&self, vector: &Vector) -> Option<bool> {
        let secret = vector.secret();
        let secret = str::from_utf8(secret.expose()).unwrap();
        Some(check(&self.parts()?, &self.body, secret, NOW).is_ok())
    }

    fn parts(&self) -> Option<Parts> {
        let mut request = Request::builder()
            .method(&*self.method)
            .uri(&*self.path_and_query);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        Some(request.body(()).ok()?.into_parts().0)
    }

    /// Where the digits stand: in the header's value or in the URI.
    fn signature_digits(&self) -> std::ops::Range<usize> {
        let start = match self.authorization() {
            Some(value) => value.len() - 64,
            None => self.path_and_query.len() - 64,
        };
        start..start + 64
    }

    fn set_signature_digit(&mut self, place: usize, digit: u8) {
        let present = match self.authorization() {
            Some(value) => value[place],
            None => self.path_and_query.as_bytes()[place],
        };
        let digit = if digit == present { digit ^ 1 } else { digit };
        match self
            .headers
            .iter_mut()
            .find(|(name, _)| name == "authorization")
        {
            Some((_, value)) => value[place] = digit,
            None => {
                let digit = char::from(digit).to_string();
                self.path_and_query.replace_range(place..=place, &digit);
            }
        }
    }

    fn authorization(&self) -> Option<&[u8]> {
        let header = self
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        header.map(|(_, value)| value.as_slice())
    }
}

/// Where an `Authorization` header has the access key's id.
fn key_id(authorization: &[u8]) -> std::ops::Range<usize> {
    let text = str::from_utf8(authorization).unwrap();
    let start = text.find('=').unwrap() + 1;
    start..start + text[start..].find('/').unwrap()
}

/// A letter that is no hexadecimal digit, since `%2F` and `%2f` mean the same.
fn letter_but(random: &mut Random, byte: u8) -> u8 {
    let letter = b'G' + random.below(20) as u8;
    if letter == byte { b'g' } else { letter }
}

fn digit(random: &mut Random) -> u8 {
    *random.pick(b"0123456789abcdef")
}

/// One in so many vectors is altered in a run.
const SHARE: usize = 5;
/// What botocore leaves unsigned.
const UNSIGNED: &[&str] = &["user-agent", "expect", "x-amzn-trace-id"];
