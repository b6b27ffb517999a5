//! What deliveries need of a node: its trails, and its root key for the key of digests.

use std::sync::{Arc, Weak};

use strongroom_keys::{Sealed, SecretBytes};
use strongroom_services::cloudtrail::digest_keys::{self, DigestKey};
use strongroom_services::cloudtrail::trail::{self, Delivers, Outcome, Trail, TrailArn};
use strongroom_services::records::{Changes, Records};
use strongroom_services::refusal::Stop;
use strongroom_services::time::Timestamp;
use strongroom_store::CommitError;

use super::{Later, Sealing, Trails};
use crate::node::Node;
use crate::pipeline;

/// Times that a note is made anew because others were faster.
const ATTEMPTS_MAX: usize = 20;
/// What the key of digests is sealed for.
const PURPOSE: &str = "audit-digest-key";
/// Why nothing can be asked of a node that is gone; no trouble of a delivery.
pub(super) const ENDING: &str = "the server is ending";

/// A node that may end meanwhile.
pub(crate) struct OfNode(pub(crate) Weak<Node>);

impl OfNode {
    fn node(&self) -> Result<Arc<Node>, String> {
        self.0.upgrade().ok_or_else(|| ENDING.to_owned())
    }

    /// Commits what a rule wants changed, if anything.
    async fn change(
        &self,
        what: &str,
        decide: impl Fn(&Records<'_>, Timestamp) -> Result<Changes, Stop>,
    ) -> Result<(), String> {
        let node = self.node()?;
        for _ in 0..ATTEMPTS_MAX {
            let records = Records::of(node.records());
            let changes = decide(&records, node.now())
                .map_err(|stop| format!("{what} can't be noted ({stop:?})"))?;
            if changes.writes.is_empty() {
                return Ok(());
            }
            let commit = pipeline::commit(records.into_seen(), changes);
            match node.store().commit(commit).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(format!("{what} can't be noted ({error})")),
            }
        }
        Err(format!(
            "{what} can't be noted: others change it all the time"
        ))
    }
}

impl Trails for OfNode {
    fn all(&self) -> Result<Vec<Arc<Trail>>, String> {
        let node = self.node()?;
        trail::all(&Records::of(node.records()))
            .map_err(|stop| format!("the trails can't be read ({stop:?})"))
    }

    fn note<'a>(
        &'a self,
        arn: &'a TrailArn,
        delivers: Delivers,
        outcome: Outcome,
    ) -> Later<'a, Result<(), String>> {
        Box::pin(self.change("a delivery", move |records, now| {
            trail::note_delivery(arn, delivers, outcome.clone(), records, now)
        }))
    }

    fn know<'a>(&'a self, keys: &'a [DigestKey]) -> Later<'a, Result<(), String>> {
        Box::pin(self.change("the key of digests", |records, now| {
            digest_keys::note(keys, records, now)
        }))
    }

    fn now(&self) -> Result<Timestamp, String> {
        Ok(self.node()?.now())
    }
}

impl Sealing for OfNode {
    fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, String> {
        let node = self.node()?;
        let sealed = node.keyring().seal_token(PURPOSE, secret, node.entropy());
        Ok(sealed.as_bytes().to_vec())
    }

    fn open(&self, sealed: &[u8]) -> Result<Option<SecretBytes>, String> {
        let sealed = Sealed::from_bytes(sealed.to_vec());
        Ok(self.node()?.keyring().open_token(PURPOSE, &sealed).ok())
    }
}
