//! Everything of Strongroom that touches a socket, a disk or a clock, as a library that `main.rs` starts.
//!
//! The order of things lives here; a rule of AWS's does not (it belongs into `strongroom-services`).

pub mod edge;
pub mod cli;
pub mod admin;
pub mod config;
pub mod operations;
pub mod cache;
pub mod clock;
pub mod identity;
pub mod node;
pub mod pipeline;
pub mod workers;
