//! A trail: which events of an account are delivered to which bucket; and how its deliveries went.
//!
//! Source: AWS CloudTrail API Reference, Trail, CreateTrail; AWS CloudTrail User Guide, Working with CloudTrail trails.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::Context;

use super::event_selector::EventSelector;
use super::name;
use crate::caller::{AccountId, Region};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// A trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// What it is known by.
    pub arn: TrailArn,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// What the names of its files start with.
    pub prefix: Option<String>,
    /// Whether it takes the events of all regions, and not those of its home alone.
    pub multi_region: bool,
    /// Whether it takes events of services that have no region.
    pub global_services: bool,
    /// Whether digest files are delivered as well, by which its files can be validated.
    pub validation: bool,
    /// Whether AWS would also log what CloudTrail does itself when it delivers; kept and shown.
    pub recursive_logging: bool,
    /// Which events it takes.
    pub selectors: Vec<EventSelector>,
    /// Its tags, in the order in which they were set.
    pub tags: Vec<Tag>,
    /// Since when it takes events; `None`: it doesn't.
    pub logging_since: Option<Timestamp>,
    /// When it last began to.
    pub started: Option<Timestamp>,
    /// When it last ceased to.
    pub stopped: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

/// The ARN of a trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrailArn {
    /// Whose it is.
    pub account: AccountId,
    /// Its home: where it was made, and where alone it can be changed.
    pub region: Region,
    /// Its name.
    pub name: String,
}

/// A tag of a trail. Its value may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
}

/// How the deliveries of a trail went. A record of its own, so that a delivery never contends with a change of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailDelivery {
    /// The trail.
    pub arn: TrailArn,
    /// When log files were last delivered.
    pub delivered: Option<Timestamp>,
    /// Why that failed since.
    pub error: Option<String>,
    /// When a digest file was last delivered.
    pub digest_delivered: Option<Timestamp>,
    /// Why that failed since.
    pub digest_error: Option<String>,
}

/// What a trail is asked about an event.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// The region that the event says.
    pub region: &'a str,
    /// Where it came from, such as `kms.amazonaws.com`.
    pub source: &'a str,
    /// Whether it is of a resource's management; what else there is, no trail takes.
    pub management: bool,
    /// Whether nothing could be changed by it.
    pub read_only: bool,
    /// When it happened.
    pub at: Timestamp,
}

impl TrailArn {
    /// Reads the ARN of a trail; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, "cloudtrail", region, account, resource] = parts.as_slice() else {
            return None;
        };
        let region = Region::parse(region).ok()?;
        let arn = TrailArn {
            account: AccountId::parse(account).ok()?,
            name: resource.strip_prefix("trail/")?.to_owned(),
            region,
        };
        (arn.region.partition() == partition && !arn.name.is_empty()).then_some(arn)
    }

    /// Where its record lies.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::trail(&self.account, &self.region, &self.name)
    }

    /// Where the record of its deliveries lies.
    #[must_use]
    pub fn delivery_key(&self) -> Key {
        Key::trail_delivery(&self.account, &self.region, &self.name)
    }
}

impl fmt::Display for TrailArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (region, account) = (&self.region, &self.account);
        let partition = region.partition();
        let name = &self.name;
        write!(
            formatter,
            "arn:{partition}:cloudtrail:{region}:{account}:trail/{name}"
        )
    }
}

impl Trail {
    /// Whether it is shown in a region: at home, or everywhere.
    #[must_use]
    pub fn is_in(&self, region: &Region) -> bool {
        self.multi_region || self.arn.region == *region
    }

    /// Whether it takes an event of its account. Whether the log files of a trail that was stopped are still to be
    /// delivered is up to whoever delivers.
    ///
    /// Source: AWS CloudTrail User Guide, Global service events; Logging management events.
    #[must_use]
    pub fn takes(&self, event: Offered<'_>) -> bool {
        let home = self.arn.region.as_str();
        let is_here = match is_global(event.source) {
            true => self.global_services && (self.multi_region || home == event.region),
            false => self.multi_region || home == event.region,
        };
        is_here
            && event.management
            && self.logging_since.is_some_and(|since| event.at >= since)
            && self
                .selectors
                .iter()
                .any(|each| each.takes(event.source, event.read_only))
    }

    /// Adds the condition keys of its tags.
    pub fn add_condition_keys(&self, context: &mut Context) {
        for tag in &self.tags {
            let value = tag.value.as_deref().unwrap_or_default();
            context.insert(&format!("aws:ResourceTag/{}", tag.key), value);
        }
    }
}

/// Whether a service has no region of its own.
fn is_global(source: &str) -> bool {
    source == name::IAM
}

/// A trail, where there is one.
pub fn find(arn: &TrailArn, records: &Records<'_>) -> Result<Option<Arc<Trail>>, Stop> {
    records.read::<Trail>(arn.key())
}

/// All trails of an account, by region and name.
pub fn of_account(account: &AccountId, records: &Records<'_>) -> Result<Vec<Arc<Trail>>, Stop> {
    within(&Key::trails(account), records)
}

/// All trails of all accounts; for whoever delivers.
pub fn all(records: &Records<'_>) -> Result<Vec<Arc<Trail>>, Stop> {
    within(&Key::all_trails(), records)
}

fn within(prefix: &Key, records: &Records<'_>) -> Result<Vec<Arc<Trail>>, Stop> {
    let mut found = Vec::new();
    records.scan::<Trail>(prefix.as_bytes(), &prefix.end(), false, |trail| {
        found.push(trail);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// What a delivery of a trail came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Log files, or a digest file, were delivered.
    Delivered,
    /// They couldn't be, for this reason.
    Failed(String),
}

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivers {
    /// Log files.
    Logs,
    /// A digest file.
    Digest,
}

/// Notes how a delivery of a trail went, for GetTrailStatus. A trail that was deleted meanwhile isn't brought back: then
/// nothing changes.
pub fn note_delivery(
    arn: &TrailArn,
    delivers: Delivers,
    outcome: Outcome,
    records: &Records<'_>,
    now: Timestamp,
) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    if find(arn, records)?.is_none() {
        return Ok(changes);
    }
    let earlier = records.read::<TrailDelivery>(arn.delivery_key())?;
    let mut delivery = match &earlier {
        Some(earlier) => TrailDelivery::clone(earlier),
        None => TrailDelivery::none(arn.clone()),
    };
    let (at, error) = match delivers {
        Delivers::Logs => (&mut delivery.delivered, &mut delivery.error),
        Delivers::Digest => (&mut delivery.digest_delivered, &mut delivery.digest_error),
    };
    match outcome {
        Outcome::Delivered => {
            *at = Some(now);
            *error = None;
        }
        Outcome::Failed(why) => *error = Some(why),
    }
    if earlier.is_none_or(|earlier| *earlier != delivery) {
        changes.put(arn.delivery_key(), &delivery)?;
    }
    Ok(changes)
}

impl TrailDelivery {
    /// Nothing was delivered.
    #[must_use]
    pub fn none(arn: TrailArn) -> Self {
        TrailDelivery {
            arn,
            delivered: None,
            error: None,
            digest_delivered: None,
            digest_error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::event_selector::ReadWrite;

    fn arn(region: &str) -> TrailArn {
        TrailArn::parse(&format!(
            "arn:aws:cloudtrail:{region}:123456789012:trail/main"
        ))
        .unwrap()
    }

    fn trail(region: &str) -> Trail {
        Trail {
            arn: arn(region),
            bucket: "logs".to_owned(),
            prefix: None,
            multi_region: false,
            global_services: true,
            validation: false,
            recursive_logging: true,
            selectors: vec![EventSelector::everything()],
            tags: Vec::new(),
            logging_since: Some(Timestamp::from_milliseconds(1000)),
            started: None,
            stopped: None,
            created: Timestamp::from_milliseconds(0),
        }
    }

    #[test]
    fn the_arn_of_a_trail_is_read_as_it_is_written() {
        let text = "arn:aws:cloudtrail:us-east-2:123456789012:trail/My.Trail-1";
        assert_eq!(TrailArn::parse(text).unwrap().to_string(), text);
        for wrong in [
            "main",
            "arn:aws:cloudtrail:us-east-2:123456789012:trail/",
            "arn:aws:cloudtrail:us-east-2:123456789012:channel/x",
            "arn:aws:cloudtrail:us-east-2:1:trail/x",
            "arn:aws:cloudtrail::123456789012:trail/x",
            "arn:aws-cn:cloudtrail:us-east-2:123456789012:trail/x",
            "arn:aws:s3:us-east-2:123456789012:trail/x",
        ] {
            assert_eq!(TrailArn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_trail_takes_what_it_is_there_for() {
        let home = trail("eu-west-1");
        let everywhere = Trail {
            multi_region: true,
            ..trail("eu-west-1")
        };
        let no_global = Trail {
            global_services: false,
            ..trail("us-east-1")
        };
        let writes = Trail {
            selectors: vec![EventSelector {
                read_write: ReadWrite::WriteOnly,
                ..EventSelector::everything()
            }],
            ..trail("us-east-1")
        };
        let without_kms = Trail {
            selectors: vec![EventSelector {
                excluded_sources: vec!["kms.amazonaws.com".to_owned()],
                ..EventSelector::everything()
            }],
            ..trail("us-east-1")
        };
        let stopped = Trail {
            logging_since: None,
            ..trail("us-east-1")
        };
        let (secrets, iam, kms) = (
            "secretsmanager.amazonaws.com",
            "iam.amazonaws.com",
            "kms.amazonaws.com",
        );
        for (name, trail, region, source, read_only, at, expected) in [
            ("at home", &home, "eu-west-1", secrets, true, 1000, true),
            (
                "before it began",
                &home,
                "eu-west-1",
                secrets,
                true,
                999,
                false,
            ),
            ("elsewhere", &home, "us-east-1", secrets, true, 1000, false),
            (
                "everywhere",
                &everywhere,
                "us-east-1",
                secrets,
                true,
                1000,
                true,
            ),
            (
                "global events elsewhere",
                &home,
                "us-east-1",
                iam,
                true,
                1000,
                false,
            ),
            (
                "global events everywhere",
                &everywhere,
                "us-east-1",
                iam,
                true,
                1000,
                true,
            ),
            (
                "no global events",
                &no_global,
                "us-east-1",
                iam,
                true,
                1000,
                false,
            ),
            ("its others", &no_global, "us-east-1", kms, true, 1000, true),
            ("reads", &writes, "us-east-1", secrets, true, 1000, false),
            ("writes", &writes, "us-east-1", secrets, false, 1000, true),
            (
                "what is left out",
                &without_kms,
                "us-east-1",
                kms,
                true,
                1000,
                false,
            ),
            (
                "the rest",
                &without_kms,
                "us-east-1",
                secrets,
                true,
                1000,
                true,
            ),
            ("stopped", &stopped, "us-east-1", secrets, true, 1000, false),
        ] {
            let at = Timestamp::from_milliseconds(at);
            let offered = Offered {
                region,
                source,
                management: true,
                read_only,
                at,
            };
            assert_eq!(trail.takes(offered), expected, "{name}");
            let data = Offered {
                management: false,
                ..offered
            };
            assert!(!trail.takes(data), "{name}");
        }
    }
}
