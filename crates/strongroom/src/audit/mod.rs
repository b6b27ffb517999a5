//! The audit log at work: what goes into it (`recorder`), and what reads it.

pub mod anchors;
mod background;
pub mod delivery;
pub mod feeds;
mod followers;
pub mod index;
mod keys;
mod outbox;
mod recorder;
pub mod source;
mod state_file;

pub use followers::{FollowerSettings, Followers};
pub(crate) use keys::{PublicKeys, check, heads, public_keys};
pub use recorder::{
    AuditProblem, AuditSettings, FOLDER_NAME, Logged, NotCommitted, Recorder, SEGMENT_BYTES,
    entries,
};
