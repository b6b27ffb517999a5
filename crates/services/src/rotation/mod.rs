//! Rotation: when secrets change their values by themselves, and how that goes.
//!
//! Source: AWS Secrets Manager User Guide, Rotate secrets; reference/rotation.md.

mod advice;
pub mod built_in;
pub mod configuration;
pub mod function;
pub(crate) mod invoking;
pub mod job;
mod mask;
pub(crate) mod opened;
pub mod plan;
pub mod run;
pub mod schedule;
pub mod step;
