//! The real server with its real disk: killed at any moment, on a full, a read-only and a damaged disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod audit;
mod damage;
mod disk;
mod keys;
mod kill;
mod rewrap;
mod rotation;
mod server;
mod writer;
