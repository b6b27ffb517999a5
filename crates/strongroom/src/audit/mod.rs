//! The audit log at work.

mod background;
pub mod feeds;
pub mod source;
mod state_file;
