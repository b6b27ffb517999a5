//! What follows the audit log of a node: feeds, deliveries of trails, anchors, and what keeps the heads of other logs.

use std::path::Path;
use std::sync::{Arc, Weak};

use strongroom_audit::Log;
use strongroom_keys::SecretBytes;

use super::anchors::memory::Memory;
use super::anchors::witness::{Note, Witness};
use super::anchors::{Anchor, Anchors, KeysOf};
use super::delivery::{Buckets, Deliveries, DigestKeys, Intervals, OfNode};
use super::feeds::{Feed, FeedState, Feeds};
use super::keys::told;
use super::recorder::FOLDER_NAME;
use super::source::{LogSource, Source};
use crate::node::Node;
use crate::workers::WorkerState;

/// The folder of what followers keep, in the data folder.
const STATE_FOLDER_NAME: &str = "audit-state";

/// What is to follow.
pub struct FollowerSettings {
    /// Where events are sent on to.
    pub feeds: Vec<Feed>,
    /// Where trails may deliver to.
    pub buckets: Buckets,
    /// How often trails deliver.
    pub deliveries: Intervals,
    /// Where heads are kept.
    pub anchors: Vec<Anchor>,
    /// What this machine remembers of logs.
    pub memory: Option<Memory>,
    /// The token for which heads of other logs are taken.
    pub witness_token: Option<SecretBytes>,
}

/// Followers at work; they end when this is dropped.
pub struct Followers {
    feeds: Feeds,
    deliveries: Deliveries,
    anchors: Anchors,
    witness: Option<Witness>,
}

impl Followers {
    /// Starts them. `note` writes into the node's own log.
    ///
    /// # Errors
    /// A position can't be written, or no thread can be started.
    pub fn start(
        settings: FollowerSettings,
        log: &Log,
        data_dir: &Path,
        (node, note): (&Weak<Node>, Note),
    ) -> Result<Self, String> {
        let source: Arc<dyn Source> = Arc::new(LogSource::of(log));
        let state = data_dir.join(STATE_FOLDER_NAME);
        let folder = data_dir.join(FOLDER_NAME);
        let token = settings.witness_token;
        let of_node = || OfNode(Weak::clone(node));
        let of_keys = Weak::clone(node);
        let keys: KeysOf = Arc::new(move |log| {
            let node = of_keys.upgrade().ok_or("the server is ending")?;
            let snapshot = node.store().snapshot();
            told(&*snapshot.map_err(|fault| fault.to_string())?, log)
        });
        let deliveries = Deliveries::start(
            Arc::new(of_node()),
            Arc::clone(&source),
            settings.buckets,
            DigestKeys::in_folder(&state, Box::new(of_node())),
            &state,
            settings.deliveries,
        )?;
        Ok(Followers {
            deliveries,
            feeds: Feeds::start(settings.feeds, &source, &state)?,
            anchors: Anchors::start(
                settings.anchors,
                settings.memory,
                (&folder, &keys),
                &log.durable(),
            )?,
            witness: token.map(|token| Witness::new(&state, token, note)),
        })
    }

    /// How each is doing.
    pub fn states(&self) -> impl Iterator<Item = WorkerState> {
        let feeds = self.feeds.states().into_iter();
        let feeds = feeds.map(|state| state.worker());
        let others = std::iter::once(self.deliveries.state());
        let witness = self.witness.as_ref().map(Witness::state);
        let followers = feeds.chain(others).chain(self.anchors.states());
        followers.chain(witness)
    }

    /// How each feed is doing, in more detail.
    pub fn feeds(&self) -> Vec<FeedState> {
        self.feeds.states()
    }

    /// What keeps the heads of other logs; `None`: nothing does.
    pub fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// Ends feeds and deliveries, and keeps the last head of the log, which is closed.
    pub async fn finish(&self) {
        self.feeds.stop();
        self.deliveries.stop();
        self.anchors.finish().await;
    }
}
