//! Rotation: when secrets change their values by themselves, and how that goes.
//!
//! Source: AWS Secrets Manager User Guide, Rotate secrets; reference/rotation.md.

mod advice;
pub mod built_in;
pub mod configuration;
pub mod function;
pub mod graph;
pub(crate) mod invoking;
pub mod job;
mod mask;
pub mod named;
pub(crate) mod opened;
pub mod overview;
pub mod plan;
pub mod repair;
pub mod run;
pub mod schedule;
pub mod step;
pub mod timeline;
pub mod told;
