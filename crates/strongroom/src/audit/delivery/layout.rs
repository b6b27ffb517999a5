//! What CloudTrail calls its files.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail log file name format"; "CloudTrail digest file structure".

use strongroom_keys::{Entropy as _, SystemEntropy};
use strongroom_services::cloudtrail::trail::Trail;
use strongroom_services::time::{Timestamp, rfc3339};

const UNIQUE_CHARACTERS: usize = 16;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The key of a log file that is delivered now. No two are alike.
pub(super) fn log_key(trail: &Trail, region: &str, now: Timestamp) -> String {
    let account = &trail.arn.account;
    let (folder, time) = (day_folder(now), compact(now));
    // To the minute.
    let time = &time[..13];
    let unique = unique();
    let key = format!(
        "AWSLogs/{account}/CloudTrail/{region}/{folder}/{account}_CloudTrail_{region}_{time}Z_{unique}.json.gz"
    );
    with_prefix(trail, key)
}

/// The key of a digest file that ends now.
pub(super) fn digest_key(trail: &Trail, region: &str, now: Timestamp) -> String {
    let (account, name, home) = (&trail.arn.account, &trail.arn.name, &trail.arn.region);
    let (folder, time) = (day_folder(now), compact(now));
    let key = format!(
        "AWSLogs/{account}/CloudTrail-Digest/{region}/{folder}/{account}_CloudTrail-Digest_{region}_{name}_{home}_{time}.json.gz"
    );
    with_prefix(trail, key)
}

fn with_prefix(trail: &Trail, key: String) -> String {
    match trail
        .prefix
        .as_deref()
        .map(|prefix| prefix.trim_end_matches('/'))
    {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}/{key}"),
        _ => key,
    }
}

/// `2026/01/31`
fn day_folder(now: Timestamp) -> String {
    rfc3339(now)
        .chars()
        .take(10)
        .map(|char| if char == '-' { '/' } else { char })
        .collect()
}

/// `20260131T235959Z`
fn compact(now: Timestamp) -> String {
    rfc3339(now).replace(['-', ':'], "")
}

fn unique() -> String {
    let mut random = [0; UNIQUE_CHARACTERS];
    SystemEntropy.fill(&mut random);
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    random.iter().map(letter).collect()
}
