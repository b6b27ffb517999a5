//! What CloudTrail says of each call.

mod on_behalf;
mod service_events;
mod shape;
