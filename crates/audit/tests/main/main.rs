//! The log's tests: one binary, since linking is what takes the time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of it is tests; clippy only sees that of functions marked as such"
)]

mod appending;
mod crash;
mod first_format;
mod memory;
mod opening;
mod support;
mod tampering;
mod trouble;
mod verifying;
