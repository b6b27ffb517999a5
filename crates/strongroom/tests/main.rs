//! All integration tests of the server, in one binary.

mod audit;
mod cli;
mod client;
mod crash;
mod edge;
mod functions;
mod invariants;
mod model;
mod random;
mod signatures;
mod tampering;
mod tidy;
mod withdrawal;
mod year;
