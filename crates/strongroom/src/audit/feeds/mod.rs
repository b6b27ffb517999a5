//! Feeds: every event of the log sent on to where an operator wants it, each at least once and in order.
//!
//! A feed reads from the log at its own pace and keeps how far it came in a file of its own. Calls know nothing of it:
//! whatever its target does, it holds up nobody, and loses nothing that the log still has. All of them share a thread
//! apart from those that answer requests.

mod eventbridge;
mod file;
mod filter;
mod otlp;
mod position;
mod syslog;
mod webhook;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_keys::{Entropy as _, SystemEntropy};
use strongroom_services::time::{Timestamp, rfc3339};
use tokio::sync::watch;
use tokio::time::Instant;

pub use file::FileTarget;
pub use filter::Filter;
pub use otlp::OtlpTarget;
pub use syslog::{FACILITIES, SEVERITIES, SyslogTarget};
pub use webhook::{Authorization, Format, Post, WebhookTarget};

use self::position::Position;
use super::background::Background;
use super::source::{self, Event, Most, Source};
use crate::clock::Clock;
use crate::workers::WorkerState;

/// Most of the log that one delivery takes.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
const BATCH_RECORDS_MAX: usize = 10_000;
/// How often a position is written down while events are sent.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// A feed.
#[derive(Debug)]
pub struct Feed {
    /// What it is called, which its file is named by as well.
    pub name: String,
    /// Where events go.
    pub target: Target,
    /// Which events go there.
    pub filter: Filter,
    /// Where it begins.
    pub from: Begin,
    /// Most events of one delivery.
    pub batch_events: usize,
    /// How long it waits for what.
    pub patience: Patience,
}

/// Where a new feed begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// With what happens from now on.
    #[default]
    Now,
    /// With the oldest event that the log has.
    Start,
}

/// How long a feed waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a delivery as a whole.
    pub delivery: Duration,
    /// From the begin of a delivery that wasn't full to the next, so that events come together.
    pub pause: Duration,
    /// After the first failure; then twice as long each time.
    pub first_retry: Duration,
    /// Longest after a failure.
    pub longest_retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            delivery: Duration::from_secs(30),
            pause: Duration::from_millis(250),
            first_retry: Duration::from_millis(500),
            longest_retry: Duration::from_secs(60),
        }
    }
}

/// Where events go.
#[derive(Debug)]
pub enum Target {
    /// A syslog server.
    Syslog(SyslogTarget),
    /// A web server.
    Webhook(WebhookTarget),
    /// An OpenTelemetry collector.
    Otlp(OtlpTarget),
    /// A file here.
    File(FileTarget),
}

/// Why events weren't delivered. The text says what to do, and holds nothing of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undelivered {
    /// It is tried again.
    Failed(String),
    /// The same, with fewer at once.
    TooLarge(String),
}

impl Target {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Syslog(_) => "syslog",
            Target::Webhook(target) => target.kind(),
            Target::Otlp(_) => "otlp",
            Target::File(_) => "file",
        }
    }

    /// Whether an event means anything to it: one in EventBridge's form does to what expects those, and no one else.
    fn takes(&self, event: &source::About) -> bool {
        match self {
            Target::Webhook(target) => target.takes(event),
            Target::Syslog(_) | Target::Otlp(_) | Target::File(_) => !event.is_native(),
        }
    }

    async fn deliver(
        &self,
        feed: &str,
        events: &[Event],
        within: Duration,
    ) -> Result<(), Undelivered> {
        match self {
            Target::Syslog(target) => target.deliver(events).await,
            Target::Webhook(target) => target.deliver(feed, events, within).await,
            Target::Otlp(target) => target.deliver(events, within).await,
            Target::File(target) => target.deliver(events).await,
        }
    }
}

/// How a feed is doing.
#[derive(Clone, Debug)]
pub struct FeedState {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Events that were delivered since the start.
    pub delivered: u64,
    /// Records of the log that are still to be looked at.
    pub lag: u64,
    /// When a delivery last succeeded.
    pub last_delivery: Option<Timestamp>,
    /// What went wrong, until it goes well again.
    pub last_error: Option<String>,
    /// When it is tried again, after something went wrong.
    pub next_try: Option<Timestamp>,
    /// What went wrong for good, such as events that the log had no longer.
    pub remark: Option<String>,
}

impl FeedState {
    /// As that of any background job.
    #[must_use]
    pub fn worker(&self) -> WorkerState {
        WorkerState {
            name: format!("feed {}", self.name).into(),
            last_run: self.last_delivery,
            done: self.delivered,
            last_error: self.last_error.as_ref().map(|why| match self.next_try {
                Some(next) => format!(
                    "{why} ({} records behind; tried again at {})",
                    self.lag,
                    rfc3339(next)
                ),
                None => why.clone(),
            }),
        }
    }
}

/// Feeds at work; they end when this is dropped.
#[derive(Debug)]
pub struct Feeds {
    states: Vec<Arc<Mutex<FeedState>>>,
    background: Mutex<Option<Background>>,
}

impl Feeds {
    /// Starts feeds that keep their positions in a folder, `audit-state` of the data.
    ///
    /// # Errors
    /// A position can't be written, or no thread can be started.
    pub fn start(
        feeds: Vec<Feed>,
        source: &Arc<dyn Source>,
        state_folder: &Path,
    ) -> Result<Self, String> {
        let (mut states, mut running) = (Vec::new(), Vec::new());
        for feed in feeds {
            let file = position::file_of(state_folder, &feed.name);
            let (position, remark) = Position::take_up(file, feed.from, &**source)
                .map_err(|why| format!("feed {}: {why}", feed.name))?;
            if let Some(remark) = &remark {
                tracing::warn!(
                    feed = feed.name,
                    remark,
                    "a feed doesn't go on where it was"
                );
            }
            let state = Arc::new(Mutex::new(FeedState {
                name: feed.name.clone(),
                kind: feed.target.kind(),
                delivered: 0,
                lag: 0,
                last_delivery: None,
                last_error: None,
                next_try: None,
                remark,
            }));
            states.push(Arc::clone(&state));
            running.push(Running {
                wait: feed.patience.first_retry,
                batch_events: feed.batch_events.max(1),
                durable: source.durable(),
                source: Arc::clone(source),
                clock: Clock::default(),
                feed,
                position,
                state,
            });
        }
        let background = Background::start("audit-feeds", move |ended| {
            running
                .into_iter()
                .map(|feed| Box::pin(feed.run(ended.clone())) as _)
                .collect()
        })?;
        Ok(Feeds {
            states,
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

    /// How each is doing.
    pub fn states(&self) -> Vec<FeedState> {
        let lock = |state: &Arc<Mutex<FeedState>>| {
            state.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.states.iter().map(lock).collect()
    }
}

/// A feed at work.
struct Running {
    feed: Feed,
    source: Arc<dyn Source>,
    durable: watch::Receiver<u64>,
    position: Position,
    state: Arc<Mutex<FeedState>>,
    clock: Clock,
    /// How long is waited after the next failure.
    wait: Duration,
    /// Most events of the next delivery: fewer where the target takes no more.
    batch_events: usize,
}

impl Running {
    /// Goes on until the end is told.
    async fn run(mut self, mut ended: watch::Receiver<bool>) {
        let mut saved = Instant::now();
        loop {
            // Before the log is read: what becomes durable behind that wakes it again.
            self.durable.borrow_and_update();
            let began = Instant::now();
            let step = tokio::select! {
                step = self.step() => step,
                _ = ended.changed() => break,
            };
            if saved.elapsed() >= SAVE_INTERVAL {
                self.save();
                saved = Instant::now();
            }
            let rest = async {
                match step {
                    Step::More => {}
                    Step::Partial => {
                        tokio::time::sleep_until(began + self.feed.patience.pause).await;
                    }
                    Step::Failed(wait) => tokio::time::sleep(wait).await,
                    Step::Idle => {
                        let is_changed = self.position.is_changed();
                        let new = async {
                            if self.durable.changed().await.is_err() {
                                // The log is closed: nothing comes any more.
                                std::future::pending::<()>().await;
                            }
                        };
                        match is_changed {
                            true => {
                                let _ = tokio::time::timeout_at(saved + SAVE_INTERVAL, new).await;
                            }
                            false => new.await,
                        }
                    }
                }
            };
            tokio::select! {
                () = rest => {}
                _ = ended.changed() => break,
            }
        }
        self.save();
    }

    async fn step(&mut self) -> Step {
        self.notice_what_is_gone();
        let most = Most {
            events: self.batch_events,
            bytes: BATCH_BYTES_MAX,
            records: BATCH_RECORDS_MAX,
        };
        let feed = &self.feed;
        let wanted = |about: &source::About| feed.filter.takes(about) && feed.target.takes(about);
        let batch = match source::take(&*self.source, self.position.next(), most, &wanted) {
            Ok(batch) => batch,
            Err(why) => return self.failed(why),
        };
        if batch.events.is_empty() {
            self.position.advance(batch.next);
            self.went_well(0);
            return if batch.is_full {
                Step::More
            } else {
                Step::Idle
            };
        }
        let within = feed.patience.delivery;
        let delivery = feed.target.deliver(&feed.name, &batch.events, within);
        let delivered = match tokio::time::timeout(within, delivery).await {
            Ok(delivered) => delivered,
            Err(_) => Err(Undelivered::Failed(format!(
                "not delivered within {} seconds: check that the target runs, can be reached and keeps up",
                within.as_secs_f32()
            ))),
        };
        match delivered {
            Ok(()) => {
                self.position.advance(batch.next);
                self.wait = self.feed.patience.first_retry;
                self.batch_events = (self.batch_events * 2).min(self.feed.batch_events.max(1));
                self.went_well(batch.events.len() as u64);
                if batch.is_full {
                    Step::More
                } else {
                    Step::Partial
                }
            }
            Err(Undelivered::TooLarge(why)) => {
                self.batch_events = (batch.events.len() / 2).max(1);
                match batch.events.len() {
                    1 => self.failed(why),
                    _ => Step::More,
                }
            }
            Err(Undelivered::Failed(why)) => self.failed(why),
        }
    }

    /// The log may have been pruned past what was to be sent next.
    fn notice_what_is_gone(&mut self) {
        let (next, oldest) = (self.position.next(), self.source.oldest());
        if next >= oldest {
            return;
        }
        let remark = format!(
            "records {next} to {} of the log were removed before they were sent: keep it longer, or look why the feed \
             was behind",
            oldest - 1
        );
        tracing::warn!(feed = self.feed.name, remark, "a feed has lost events");
        self.position.advance(oldest);
        self.lock().remark = Some(remark);
    }

    fn went_well(&mut self, delivered: u64) {
        let (lag, now) = (self.lag(), self.clock.now());
        let mut state = self.lock();
        if state.last_error.take().is_some() {
            tracing::info!(feed = state.name, "a feed works again");
        }
        state.next_try = None;
        state.lag = lag;
        state.delivered += delivered;
        if delivered > 0 {
            state.last_delivery = Some(now);
        }
    }

    fn failed(&mut self, why: String) -> Step {
        let wait = jittered(self.wait);
        self.wait = (self.wait * 2).min(self.feed.patience.longest_retry);
        let (lag, next_try) = (self.lag(), self.clock.now().after(wait));
        let mut state = self.lock();
        if state.last_error.as_ref() != Some(&why) {
            tracing::warn!(
                feed = state.name,
                why,
                "a feed doesn't work; it tries again"
            );
        }
        state.last_error = Some(why);
        state.next_try = Some(next_try);
        state.lag = lag;
        Step::Failed(wait)
    }

    fn lag(&self) -> u64 {
        (*self.durable.borrow() + 1).saturating_sub(self.position.next())
    }

    fn save(&mut self) {
        if let Err(why) = self.position.save() {
            let mut state = self.lock();
            if state.last_error.as_ref() != Some(&why) {
                tracing::warn!(feed = state.name, why, "a feed's position isn't kept");
            }
            state.last_error = Some(why);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FeedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes after a step.
enum Step {
    /// The next, at once.
    More,
    /// The next, after a pause in which events come together.
    Partial,
    /// The next, once there is something new.
    Idle,
    /// The next, after a while.
    Failed(Duration),
}

/// Between half of a time and all of it, so that those who failed together don't come back together.
pub(crate) fn jittered(time: Duration) -> Duration {
    let mut random = [0; 2];
    SystemEntropy.fill(&mut random);
    let share = f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX);
    time.mul_f64(0.5 + share / 2.0)
}

/// Whether a name can be a feed's: it is a file's as well.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
