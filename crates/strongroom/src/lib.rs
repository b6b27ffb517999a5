//! Everything of Strongroom that touches a socket, a disk or a clock, as a library that `main.rs` starts.
//!
//! The order of things lives here; a rule of AWS's does not (it belongs into `strongroom-services`).

pub mod admin;
pub mod audit;
pub mod backup;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod denials;
pub mod edge;
pub mod functions;
pub mod guesses;
pub mod identity;
pub mod jobs;
pub mod memory;
pub mod node;
pub mod oidc;
pub mod operations;
pub mod outbound;
pub mod pipeline;
pub mod rotation;
pub mod seals;
pub mod throttle;
pub mod uses;
pub mod workers;
