//! The rules of Secrets Manager and KMS as decision tables: what each operation answers and changes, without a server.
//!
//! Each test's name is a rule of the reference; sections are those of api.md and versions-and-staging.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of it is tests; clippy only sees that of functions marked as such"
)]

mod calendar;
mod cloudtrail;
mod create;
mod delete;
mod explanations;
mod fields;
mod harness;
mod iam;
mod identity;
mod kms;
mod labels;
mod lambda;
mod lists;
mod oracles;
mod passwords;
mod placeholders;
mod policies;
mod read;
mod root_key;
mod rotation;
mod schedules;
mod service_control;
mod sharing;
mod states;
mod sts;
mod tags;
mod tokens;
mod who_can;
mod write;
