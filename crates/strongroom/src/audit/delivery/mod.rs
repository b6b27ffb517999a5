//! Deliveries of trails: the events that a trail takes, put into its bucket in CloudTrail's layout, and each hour a signed
//! digest of what was delivered.
//!
//! Each trail has a position in the log of its own, moved on once its files are there: after a crash some events come in
//! another file again, and none is missing.

mod buckets;
mod digest;
mod layout;
mod of_node;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use strongroom_services::cloudtrail::digest_keys::DigestKey;
use strongroom_services::cloudtrail::trail::{Delivers, Offered, Outcome, Trail, TrailArn};
use strongroom_services::time::Timestamp;
use tokio::sync::watch;

pub use buckets::{Bucket, Buckets, S3Bucket};
pub use digest::{DigestKeys, Sealing};
pub(crate) use of_node::OfNode;

use self::buckets::Object;
use self::digest::{Chain, LogFile, SigningKey};
use super::background::Background;
use super::source::{self, About, Event, Most, Source};
use super::state_file::{self, Keep};
use crate::workers::WorkerState;

/// Most of the log that the files of one turn are made of.
const TURN: Most = Most {
    events: 20_000,
    bytes: 8 * 1024 * 1024,
    records: 100_000,
};
/// How long behind its end a trail that was stopped is still looked after: calls that began before it have ended.
const STOPPED_DOUBT: Duration = Duration::from_secs(60);
const SECOND_MILLISECONDS: i64 = 1000;
/// How long the end waits for a delivery that is under way.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);
const FORMAT: u32 = 1;

/// Something that ends later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The trails, and where it is noted how their deliveries went.
pub trait Trails: Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// They can't be read.
    fn all(&self) -> Result<Vec<Arc<Trail>>, String>;

    /// Notes how a delivery went.
    fn note<'a>(
        &'a self,
        arn: &'a TrailArn,
        delivers: Delivers,
        outcome: Outcome,
    ) -> Later<'a, Result<(), String>>;

    /// Notes the public keys of digests, for ListPublicKeys.
    fn know<'a>(&'a self, keys: &'a [DigestKey]) -> Later<'a, Result<(), String>>;

    /// The domain's present instant.
    ///
    /// # Errors
    /// The server is ending.
    fn now(&self) -> Result<Timestamp, String>;
}

/// Deliveries at work; they end when this is dropped.
#[derive(Debug)]
pub struct Deliveries {
    state: Arc<Mutex<WorkerState>>,
    background: Mutex<Option<Background>>,
}

/// How often something is delivered.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Log files.
    pub logs: Duration,
    /// Digest files; no sooner than the next log files.
    pub digests: Duration,
}

impl Intervals {
    /// How often AWS delivers digest files. What validates them looks for a log file's no further than that behind it.
    pub const DIGESTS: Duration = Duration::from_secs(60 * 60);
}

/// What delivers.
struct Worker {
    trails: Arc<dyn Trails>,
    source: Arc<dyn Source>,
    buckets: Buckets,
    keys: DigestKeys,
    intervals: Intervals,
    folder: PathBuf,
    state: Arc<Mutex<WorkerState>>,
}

/// How far a trail is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Progress {
    format: u32,
    /// The log that the sequence is of.
    log: String,
    /// When the trail was made, in milliseconds: another one of the same name begins anew.
    created: i64,
    /// Since when it took events as this was written.
    since: i64,
    /// The next sequence to be looked at.
    next: u64,
    /// Whether everything until its stop was delivered.
    is_over: bool,
    /// The digests of each region.
    chains: BTreeMap<String, Chain>,
}

impl Deliveries {
    /// Starts to deliver, so often. Positions are kept in a folder, `audit-state` of the data.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        trails: Arc<dyn Trails>,
        source: Arc<dyn Source>,
        buckets: Buckets,
        keys: DigestKeys,
        state_folder: &Path,
        intervals: Intervals,
    ) -> Result<Self, String> {
        let state = Arc::new(Mutex::new(WorkerState {
            name: "deliveries of trails".into(),
            last_run: None,
            done: 0,
            last_error: None,
        }));
        let worker = Worker {
            trails,
            source,
            buckets,
            keys,
            intervals,
            folder: state_folder.join("trails"),
            state: Arc::clone(&state),
        };
        let background = Background::start("audit-delivery", |ended| {
            vec![Box::pin(worker.run(ended.clone()))]
        })?;
        Ok(Deliveries {
            state,
            background: Mutex::new(Some(background)),
        })
    }

    /// Ends them, and keeps how far they came.
    pub fn stop(&self) {
        let background = &self.background;
        background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// How they are doing.
    pub fn state(&self) -> WorkerState {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Worker {
    async fn run(self, mut ended: watch::Receiver<bool>) {
        loop {
            let round = self.round();
            tokio::pin!(round);
            tokio::select! {
                () = &mut round => {}
                _ = ended.changed() => {
                    // What is half done would be done twice.
                    let _ = tokio::time::timeout(PATIENCE_AT_THE_END, round).await;
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.intervals.logs) => {}
                _ = ended.changed() => return,
            }
        }
    }

    /// Delivers for each trail.
    async fn round(&self) {
        let mut problem = None;
        match self.trails.all() {
            Ok(trails) => {
                // Trails of a bucket that fails don't wait for it one after the other.
                let mut failing: HashMap<String, String> = HashMap::new();
                for trail in &trails {
                    let delivered = match failing.get(&trail.bucket) {
                        Some(why) => self.not_delivered(trail, Delivers::Logs, why.clone()).await,
                        None => self.deliver(trail).await,
                    };
                    if let Err(why) = delivered {
                        failing.insert(trail.bucket.clone(), why.clone());
                        problem.get_or_insert(format!("trail {}: {why}", trail.arn));
                    }
                }
                self.forget_all_but(&trails);
            }
            Err(why) if why == of_node::ENDING => return,
            Err(why) => problem = Some(why),
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = &problem
            && state.last_error.as_ref() != Some(why)
        {
            tracing::warn!(
                why,
                "events of a trail are not delivered; it is tried again"
            );
        }
        if problem.is_none() {
            state.last_run = self.trails.now().ok();
        }
        state.last_error = problem;
    }

    /// Delivers what a trail has taken since the last time.
    async fn deliver(&self, trail: &Arc<Trail>) -> Result<(), String> {
        let path = self.file_of(&trail.arn);
        let mut kept = state_file::read::<Progress>(&path).unwrap_or_else(|why| {
            tracing::warn!(why, "what the trail takes is delivered anew");
            None
        });
        let Some(mut progress) = self.progress(trail, kept.clone())? else {
            return Ok(());
        };
        // One that was stopped takes what came before its stop still.
        let taking = Trail {
            logging_since: Some(Timestamp::from_milliseconds(progress.since)),
            ..Trail::clone(trail)
        };
        let until = match trail.logging_since {
            Some(_) => None,
            None => trail.stopped,
        };
        let began = self.trails.now()?;
        loop {
            let wanted = |about: &About| takes(&taking, about, until);
            let turn = source::take(&*self.source, progress.next, TURN, &wanted)?;
            if !turn.events.is_empty() {
                self.deliver_turn(trail, &turn.events, &mut progress)
                    .await?;
            }
            progress.next = progress.next.max(turn.next);
            if !turn.is_full {
                break;
            }
            keep(&path, &progress, &mut kept)?;
        }
        progress.is_over = until.is_some_and(|until| began.is_past(until, STOPPED_DOUBT));
        keep(&path, &progress, &mut kept)?;
        if trail.validation {
            self.deliver_digests(trail, &mut progress).await?;
        } else {
            // Without validation the chain ends; what comes later begins another.
            progress.chains.clear();
        }
        keep(&path, &progress, &mut kept)
    }

    /// Where a trail is, given what was kept of it; `None` where it takes nothing.
    fn progress(&self, trail: &Trail, kept: Option<Progress>) -> Result<Option<Progress>, String> {
        let log = self.source.log_id();
        let kept = kept.filter(|kept| {
            kept.format == FORMAT && kept.log == log && kept.created == trail.created.milliseconds()
        });
        let since = match (trail.logging_since, &kept) {
            (Some(since), _) => since.milliseconds(),
            (None, Some(kept)) if !kept.is_over => kept.since,
            // It began and was stopped before it was looked at.
            (None, None) if trail.stopped.is_some() && trail.started.is_some() => {
                trail.started.map_or(0, Timestamp::milliseconds)
            }
            (None, _) => return Ok(None),
        };
        Ok(Some(match kept {
            Some(kept) if kept.since == since => Progress {
                next: kept.next.min(*self.source.durable().borrow() + 1),
                ..kept
            },
            kept => {
                let begin = self.first_since(since)?;
                let (earlier, mut chains) = match kept {
                    Some(kept) => (kept.next, kept.chains),
                    None => (0, BTreeMap::new()),
                };
                let now = self.trails.now()?.milliseconds();
                for chain in chains.values_mut() {
                    // What was taken before is another chain.
                    *chain = Chain {
                        began: now,
                        ..Chain::default()
                    };
                }
                Progress {
                    format: FORMAT,
                    log,
                    created: trail.created.milliseconds(),
                    since,
                    next: begin.max(earlier),
                    is_over: false,
                    chains,
                }
            }
        }))
    }

    /// The first record whose event may have happened at an instant or behind it: the log is in the order of time, or
    /// nearly so.
    fn first_since(&self, milliseconds: i64) -> Result<u64, String> {
        let earliest = milliseconds - SECOND_MILLISECONDS;
        let (mut low, mut high) = (self.source.oldest(), *self.source.durable().borrow() + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut found = None;
            self.source.read(middle, &mut |record| {
                let about = record.event.map(About::read);
                let time = about.and_then(|about| time_of(&about));
                match time {
                    Some(time) => {
                        found = Some((record.sequence, time));
                        ControlFlow::Break(())
                    }
                    None => ControlFlow::Continue(()),
                }
            })?;
            match found {
                Some((sequence, time)) if time.milliseconds() < earliest => low = sequence + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// A file for each region.
    async fn deliver_turn(
        &self,
        trail: &Trail,
        events: &[Event],
        progress: &mut Progress,
    ) -> Result<(), String> {
        let mut regions: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in events {
            let region = event.about.aws_region.as_deref().unwrap_or_default();
            regions.entry(region).or_default().push(event);
        }
        for (region, events) in regions {
            let now = self.trails.now()?;
            let mut content = b"{\"Records\":[".to_vec();
            for (at, event) in events.iter().enumerate() {
                if at > 0 {
                    content.push(b',');
                }
                content.extend_from_slice(&event.json);
            }
            content.extend_from_slice(b"]}");
            let object = Object {
                key: layout::log_key(trail, region, now),
                gzip: gzip(&content)?,
                metadata: Vec::new(),
            };
            if let Err(why) = self.buckets.put(&trail.bucket, &object).await {
                return self.not_delivered(trail, Delivers::Logs, why).await;
            }
            if trail.validation {
                let times = events
                    .iter()
                    .filter_map(|event| event.about.event_time.as_deref());
                let file = LogFile::of(&trail.bucket, &object.key, &content, times);
                let chain = progress.chains.entry(region.to_owned());
                let chain = chain.or_insert_with(|| Chain {
                    began: now.milliseconds(),
                    ..Chain::default()
                });
                chain.files.push(file);
            }
            self.lock().done += 1;
            self.trails
                .note(&trail.arn, Delivers::Logs, Outcome::Delivered)
                .await?;
        }
        Ok(())
    }

    /// The digests whose hour is over; of a trail that was stopped, the last ones.
    async fn deliver_digests(&self, trail: &Trail, progress: &mut Progress) -> Result<(), String> {
        let now = self.trails.now()?;
        // They can be asked for as soon as there may be something to validate.
        let known = match self.keys.public() {
            Ok(keys) if keys.is_empty() => self.signing_key(now).await.map(drop),
            Ok(keys) => self.trails.know(&keys).await,
            Err(why) => Err(why),
        };
        if let Err(why) = known {
            return self.not_delivered(trail, Delivers::Digest, why).await;
        }
        let home = trail.arn.region.to_string();
        progress.chains.entry(home).or_insert_with(|| Chain {
            began: now.milliseconds(),
            ..Chain::default()
        });
        for (region, chain) in &mut progress.chains {
            let began = Timestamp::from_milliseconds(chain.began);
            let is_last = progress.is_over && !chain.files.is_empty();
            if !now.is_past(began, self.intervals.digests) && !is_last {
                continue;
            }
            let key = self.signing_key(now).await;
            let made = key.and_then(|key| digest::digest_of(trail, region, chain, &key, now));
            let put = match made {
                Ok((object, next)) => {
                    let put = self.buckets.put(&trail.bucket, &object).await;
                    put.map(|()| next)
                }
                Err(why) => Err(why),
            };
            match put {
                Ok(next) => *chain = next,
                Err(why) => return self.not_delivered(trail, Delivers::Digest, why).await,
            }
            self.trails
                .note(&trail.arn, Delivers::Digest, Outcome::Delivered)
                .await?;
        }
        Ok(())
    }

    /// The key to sign with now. Nothing is signed by one that can't be asked for.
    async fn signing_key(&self, now: Timestamp) -> Result<SigningKey, String> {
        let key = self.keys.current(now)?;
        self.trails.know(&self.keys.public()?).await?;
        Ok(key)
    }

    async fn not_delivered(
        &self,
        trail: &Trail,
        delivers: Delivers,
        why: String,
    ) -> Result<(), String> {
        let outcome = Outcome::Failed(why.clone());
        self.trails.note(&trail.arn, delivers, outcome).await?;
        Err(why)
    }

    /// Removes the positions of trails that are no more.
    fn forget_all_but(&self, trails: &[Arc<Trail>]) {
        let known: BTreeSet<PathBuf> = trails.iter().map(|it| self.file_of(&it.arn)).collect();
        let files = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        for path in files.map(|file| file.path()) {
            if path.extension().is_some_and(|it| it == "json") && !known.contains(&path) {
                // It does no harm where it stays.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn file_of(&self, arn: &TrailArn) -> PathBuf {
        let TrailArn {
            account,
            region,
            name,
        } = arn;
        self.folder.join(format!("{account}_{region}_{name}.json"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down how far a trail is, unless it was kept so before.
fn keep(path: &Path, progress: &Progress, kept: &mut Option<Progress>) -> Result<(), String> {
    if kept.as_ref() != Some(progress) {
        state_file::write(path, progress, Keep::Durably)?;
        *kept = Some(progress.clone());
    }
    Ok(())
}

/// Whether a trail takes an event, and it happened before the trail was stopped.
fn takes(trail: &Trail, about: &About, until: Option<Timestamp>) -> bool {
    let account = about.recipient_account_id.as_deref();
    if about.is_native() || account != Some(trail.arn.account.as_str()) {
        return false;
    }
    let (Some(region), Some(source), Some(time)) = (
        about.aws_region.as_deref(),
        about.event_source.as_deref(),
        time_of(about),
    ) else {
        return false;
    };
    let offered = Offered {
        region,
        source,
        management: about.management_event != Some(false),
        read_only: about.read_only == Some(true),
        // Events have whole seconds: all of the one in which it was started count.
        at: time.after(Duration::from_millis(999)),
    };
    until.is_none_or(|until| time <= until) && trail.takes(offered)
}

fn time_of(about: &About) -> Option<Timestamp> {
    let time: jiff::Timestamp = about.event_time.as_deref()?.parse().ok()?;
    Some(Timestamp::from_milliseconds(time.as_millisecond()))
}

fn gzip(content: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .map_err(|error| error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
