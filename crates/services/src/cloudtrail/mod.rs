//! CloudTrail: what is said of every call and of what a service does by itself.
//!
//! An event is made in two places. What a call asks and what came of it is [`told`] where it is known, beside the records
//! that the call reads; [`event`] puts it together with who called and from where, once an answer is decided. Nothing here
//! knows where events are kept.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail record contents; reference/integrations.md §1.

pub mod elements;
pub mod event;
mod identity;
pub mod label_update;
pub mod name;
pub mod service_event;
pub mod told;
