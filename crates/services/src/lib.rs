//! The domain: what each AWS operation decides, as pure functions over values.
//!
//! Nothing here touches a socket, a file, a clock or a source of randomness of its own: records come
//! through [`records::Records`], the instant, the entropy and the keyring through
//! [`operation::Given`]. What an operation wants changed is returned as [`records::Changes`]; who
//! commits them, and to which store, is not known here.

pub mod access;
pub mod accounts;
pub mod audit_seed;
pub mod caller;
pub mod cloudtrail;
pub mod disclosed;
pub mod due;
pub mod gate;
pub mod iam;
pub mod input;
pub mod job;
mod json_text;
pub mod kms;
pub mod lambda;
pub mod last_use;
pub mod operation;
pub mod origin;
pub mod page_token;
mod paging;
pub mod rate;
pub mod records;
pub mod refusal;
pub mod restoration;
pub mod root_key;
pub mod rotation;
pub mod secretsmanager;
pub mod staging;
pub mod sts;
pub mod time;
