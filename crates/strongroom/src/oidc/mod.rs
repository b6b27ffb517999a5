//! Identity providers: whether one of them signed a token. What a token must say is a rule, and in `strongroom-services`.

mod issuers;
mod keys;
mod token;

pub use issuers::{IssuerSettings, Issuers, KeySource};
pub use keys::KeySet;
pub use token::Token;
