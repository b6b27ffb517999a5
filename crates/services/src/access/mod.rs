//! Who may do what, and why: for whoever runs a deployment, never for those who ask its services.

pub mod explanation;
mod remedy;
