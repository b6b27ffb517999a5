//! What CloudTrail says of each call.

mod shape;
