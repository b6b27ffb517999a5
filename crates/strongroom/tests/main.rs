//! All integration tests of the server, in one binary.

mod tidy;
mod cli;
mod edge;
