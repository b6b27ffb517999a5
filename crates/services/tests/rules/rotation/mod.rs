//! Rotation.

mod built_in;
