//! Bytes to requests and answers to bytes: AWS's signatures, targets, request ids and error bodies.
//!
//! This room speaks of framing, signatures and error shapes. It may not know accounts, permissions or records: it
//! says whose access key a request claims and whether a signing key made the signature, never who that is or what
//! they may do. Nothing here reads a clock, a socket or a source of randomness.

pub mod error_body;
pub mod query;
pub mod request_id;
mod rest;
pub mod sigv4;
pub mod target;
