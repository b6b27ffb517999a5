//! The audit log at work.

pub mod anchors;
mod background;
pub mod feeds;
pub mod source;
mod state_file;
