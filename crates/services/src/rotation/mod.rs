//! Rotation of secrets. Knows no function and no clock.
//!
//! Source: reference/rotation.md.

pub mod built_in;
pub mod schedule;
pub mod step;
