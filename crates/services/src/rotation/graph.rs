//! Which secrets are rotated with whose credentials: those whose value names another secret as its `masterarn`.
//!
//! A function logs in with the master's current value to set a new one for its user. So a loop has no secret to begin
//! with once a value in it is lost, and is refused where rotation is configured; a value that is put later can't be
//! refused for it, so it is a finding. Windows that meet are a finding too, never a refusal: the same schedule for both is
//! what people begin with and what AWS takes, and a step that met a master in the midst of its own rotation is tried
//! again.
//!
//! A secret that names itself works with its own credentials, and waits for nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::successors;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::configuration::Rotation;
use super::named::arn_parts;
use super::opened::service_caller;
use super::overview::{Listing, each, in_words};
use super::schedule::Window;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::secretsmanager::refusals;
use crate::secretsmanager::secret::{Lifecycle, Secret};
use crate::secretsmanager::secret_id::SecretId;
use crate::staging::{AWSCURRENT, AWSPENDING};
use crate::time::{Timestamp, rfc3339, text};

/// How far ahead windows are compared: a quarter of a year, three of the usual rotations.
const AHEAD: Duration = Duration::from_secs(92 * 24 * 60 * 60);
/// Secrets that are looked at for a loop when rotation is configured.
const SECRETS_MAX: usize = 64;

/// The graph: secrets that rotate, and secrets that name each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Graph {
    /// In the order of their ARNs.
    pub secrets: Vec<Node>,
    /// Who names whom.
    pub edges: Vec<Edge>,
    /// What is wrong, or may go wrong.
    pub findings: Vec<Finding>,
}

/// A secret of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// Its ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Whether it rotates by itself.
    pub rotates: bool,
    /// When, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The window that comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<ShownWindow>,
}

/// That a secret names another as its master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Edge {
    /// The ARN of the secret that is rotated with the other's credentials.
    #[serde(rename = "SecretARN")]
    pub secret_arn: String,
    /// The ARN of the other; where there is no such secret, what the value has.
    #[serde(rename = "MasterARN")]
    pub master_arn: String,
    /// The labels of the version that says so.
    pub version_stages: Vec<String>,
}

/// What is wrong with the graph, or may go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// Of which kind.
    pub kind: FindingKind,
    /// The ARNs of the secrets, in order: each names the next.
    pub secrets: Vec<String>,
    /// In words.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
    /// When the windows of both meet, the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<ShownWindow>,
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FindingKind {
    /// Secrets name each other in a circle.
    Loop,
    /// There is no such master, or it is to be deleted.
    MissingMaster,
    /// The master is of another region, where its user's function doesn't look.
    OtherRegion,
    /// A master may rotate at the same time as its user.
    WindowsMeet,
}

/// A time in which a rotation may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownWindow {
    /// When it opens.
    #[serde(with = "text")]
    pub from: Timestamp,
    /// When it is closed.
    #[serde(with = "text")]
    pub until: Timestamp,
}

impl From<Window> for ShownWindow {
    fn from(window: Window) -> Self {
        ShownWindow {
            from: window.from,
            until: window.until,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.text, self.remedy)
    }
}

/// Refuses to configure the rotation of a secret that depends on itself through others of its account.
///
/// # Refusals
/// `InvalidParameterException`, which names the secrets in order.
pub(crate) fn check(secret: &Secret, records: &Records<'_>) -> Result<(), Stop> {
    let own = secret.arn();
    let mut seen = BTreeSet::from([own.clone()]);
    let mut paths = vec![(Arc::new(secret.clone()), vec![secret.name.clone()])];
    while let Some((at, path)) = paths.pop() {
        for (named, _) in masters(&at) {
            // What others' secrets hold isn't told.
            let Master::There(master) = find(&at, named, records)? else {
                continue;
            };
            let arn = master.arn();
            if arn == own && path.len() > 1 {
                return Err(in_a_loop(&path).into());
            }
            if master.account == secret.account && seen.len() < SECRETS_MAX && seen.insert(arn) {
                let mut path = path.clone();
                path.push(master.name.clone());
                paths.push((master, path));
            }
        }
    }
    Ok(())
}

fn in_a_loop(path: &[String]) -> Refusal {
    let mut names = path.to_vec();
    names.extend(path.first().cloned());
    refusals::invalid_parameter(format!(
        "The secret depends on itself: the value of each of these secrets names the next one as its masterarn, {}. \
         Rotation was not configured; put a value without this masterarn first.",
        names.join(" -> ")
    ))
}

impl Graph {
    /// Of the secrets of an account and a region, or of all, and the masters that those name.
    pub fn of(listing: &Listing, records: &Records<'_>, now: Timestamp) -> Result<Self, Stop> {
        let mut drawing = Drawing::default();
        let mut waiting = Vec::new();
        each(listing, records, |secret| {
            if secret.rotation.is_some() || !masters(&secret).is_empty() {
                waiting.push(secret);
            }
            ControlFlow::Continue(())
        })?;
        while let Some(secret) = waiting.pop() {
            drawing.add(secret, &records.apart(), &mut waiting)?;
        }
        Ok(drawing.finished(now))
    }
}

/// A graph while it is drawn.
#[derive(Default)]
struct Drawing {
    secrets: BTreeMap<String, Arc<Secret>>,
    /// For each secret, its masters, with the labels of the versions that name them.
    masters: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    findings: Vec<Finding>,
}

impl Drawing {
    fn add(
        &mut self,
        secret: Arc<Secret>,
        records: &Records<'_>,
        waiting: &mut Vec<Arc<Secret>>,
    ) -> Result<(), Stop> {
        let arn = secret.arn();
        if self
            .secrets
            .insert(arn.clone(), Arc::clone(&secret))
            .is_some()
        {
            return Ok(());
        }
        for (named, label) in masters(&secret) {
            let found = find(&secret, named, records)?;
            let master = match &found {
                Master::There(master) => master.arn(),
                Master::OfOtherRegion | Master::Missing => named.to_owned(),
            };
            let of_secret = self.masters.entry(arn.clone()).or_default();
            let labels = of_secret.entry(master.clone()).or_default();
            labels.push(label.to_owned());
            if labels.len() > 1 {
                continue;
            }
            let (kind, text, remedy) = match found {
                Master::There(master) => {
                    waiting.push(master);
                    continue;
                }
                Master::Missing => (
                    FindingKind::MissingMaster,
                    format!(
                        "{arn} names {named} as its master, and there is no such secret in use"
                    ),
                    "restore that secret, or put a value that names another masterarn with PutSecretValue",
                ),
                Master::OfOtherRegion => (
                    FindingKind::OtherRegion,
                    format!("{arn} names {named} as its master, which is of another region"),
                    "put a value that names a masterarn of the secret's own region, where its function looks",
                ),
            };
            self.findings.push(Finding {
                kind,
                secrets: vec![arn.clone(), master],
                text,
                remedy: remedy.to_owned(),
                window: None,
            });
        }
        Ok(())
    }

    fn finished(mut self, now: Timestamp) -> Graph {
        let mut findings = self.loops();
        self.findings
            .sort_by(|one, other| one.secrets.cmp(&other.secrets));
        findings.append(&mut self.findings);
        let mut edges = Vec::new();
        for (secret, masters) in &self.masters {
            for (master, labels) in masters {
                findings.extend(self.meeting(secret, master, now));
                edges.push(Edge {
                    secret_arn: secret.clone(),
                    master_arn: master.clone(),
                    version_stages: labels.clone(),
                });
            }
        }
        Graph {
            secrets: self.secrets.values().map(|secret| node(secret)).collect(),
            edges,
            findings,
        }
    }

    /// Circles of secrets, each once.
    fn loops(&self) -> Vec<Finding> {
        let masters = |arn: &String| -> Vec<&String> {
            let named = self.masters.get(arn).into_iter().flat_map(BTreeMap::keys);
            named.filter(|named| *named != arn).collect()
        };
        let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
        let mut done = BTreeSet::new();
        for start in self.masters.keys() {
            // Without recursion: whoever puts values decides how long a chain is.
            let mut path: Vec<(&String, Vec<&String>)> = Vec::new();
            if !done.contains(start) {
                path.push((start, masters(start)));
            }
            let mut places = BTreeMap::from([(start, 0)]);
            while let Some((at, left)) = path.last_mut() {
                let Some(to) = left.pop() else {
                    places.remove(*at);
                    done.insert(*at);
                    path.pop();
                    continue;
                };
                if let Some(place) = places.get(to) {
                    let circle = path[*place..].iter().map(|(arn, _)| (*arn).clone());
                    found.insert(from_the_first(circle.collect()));
                } else if !done.contains(to) {
                    places.insert(to, path.len());
                    path.push((to, masters(to)));
                }
            }
        }
        found.into_iter().map(circle).collect()
    }

    /// That a master may rotate while its user does.
    fn meeting(&self, secret: &str, master: &str, now: Timestamp) -> Option<Finding> {
        if secret == master {
            return None;
        }
        let user = self.secrets.get(secret)?.rotation.as_ref()?;
        let used = self.secrets.get(master)?.rotation.as_ref()?;
        let window = first_common(user, used, now)?;
        Some(Finding {
            kind: FindingKind::WindowsMeet,
            secrets: vec![secret.to_owned(), master.to_owned()],
            text: format!(
                "{secret} may rotate at the same time as its master {master}, the first time between {} and {}",
                rfc3339(window.from),
                rfc3339(window.until)
            ),
            remedy: "give one of them another time or a shorter Duration with RotateSecret and RotationRules; a rotation \
                     that fails of it is tried again"
                .to_owned(),
            window: Some(window.into()),
        })
    }
}

fn node(secret: &Secret) -> Node {
    let rotation = secret.rotation.as_ref();
    let rotates = rotation.is_some_and(|rotation| rotation.enabled);
    let rules = rotation.and_then(|rotation| rotation.rules.as_ref());
    let next = rotation.and_then(|rotation| rotation.next);
    Node {
        arn: secret.arn(),
        name: secret.name.clone(),
        rotates,
        schedule: rules.filter(|_| rotates).and_then(in_words),
        window: next.map(|next| next.tried_in().into()),
    }
}

fn circle(secrets: Vec<String>) -> Finding {
    let mut shown = secrets.clone();
    shown.extend(secrets.first().cloned());
    Finding {
        kind: FindingKind::Loop,
        text: format!(
            "secrets name each other as their masters in a circle, {}",
            shown.join(" -> ")
        ),
        remedy: "put a value without this masterarn into one of them with PutSecretValue"
            .to_owned(),
        secrets,
        window: None,
    }
}

/// The same circle, told from its first secret by ARN.
fn from_the_first(mut circle: Vec<String>) -> Vec<String> {
    let first = circle.iter().enumerate().min_by_key(|(_, arn)| *arn);
    let first = first.map_or(0, |(place, _)| place);
    circle.rotate_left(first);
    circle
}

/// What the value of a secret names as its master.
enum Master {
    There(Arc<Secret>),
    OfOtherRegion,
    Missing,
}

/// The masters that the current and the pending version of a secret name, with the version's label.
fn masters(secret: &Secret) -> Vec<(&str, &'static str)> {
    let named = |label: &'static str| {
        let named = secret.masters.get(secret.labels.holder(label)?)?;
        Some((named.as_str(), label))
    };
    [AWSCURRENT, AWSPENDING]
        .into_iter()
        .filter_map(named)
        .collect()
}

/// The master that a secret's value names, as a function in the secret's region finds it.
fn find(secret: &Secret, named: &str, records: &Records<'_>) -> Result<Master, Stop> {
    if let Some((_, region)) = arn_parts(named)
        && region != secret.region
    {
        return Ok(Master::OfOtherRegion);
    }
    let Ok(id) = SecretId::parse(named.to_owned()) else {
        return Ok(Master::Missing);
    };
    let caller = service_caller(&secret.account, &secret.region);
    let found = id.record(&caller, records)?;
    let found = found.filter(|master| master.lifecycle == Lifecycle::Active);
    Ok(found.map_or(Master::Missing, Master::There))
}

/// The first time that windows of both rotations share.
fn first_common(one: &Rotation, other: &Rotation, now: Timestamp) -> Option<Window> {
    let (mut ones, mut others) = (windows(one), windows(other));
    let (mut one, mut other) = (ones.next()?, others.next()?);
    let horizon = now.after(AHEAD);
    loop {
        let (from, until) = (one.from.max(other.from), one.until.min(other.until));
        if from > horizon {
            return None;
        }
        if from < until {
            return Some(Window { from, until });
        }
        match one.until <= other.until {
            true => one = ones.next()?,
            false => other = others.next()?,
        }
    }
}

/// The windows ahead of a secret, each reckoned from the one before it.
fn windows(rotation: &Rotation) -> impl Iterator<Item = Window> {
    let schedule = rotation.schedule();
    let first = rotation.next.map(|next| next.tried_in());
    successors(first, move |window| {
        schedule.as_ref()?.window_after(window.from)
    })
}
