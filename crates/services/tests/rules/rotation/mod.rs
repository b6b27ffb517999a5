//! Rotation.

mod built_in;
mod rotating;
