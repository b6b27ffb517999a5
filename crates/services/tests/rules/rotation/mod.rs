//! Rotation.

mod built_in;
mod graph;
mod overview;
mod repair;
mod rotating;
