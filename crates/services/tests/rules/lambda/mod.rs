//! Lambda: the rules of its operations, and of what Secrets Manager may ask of functions.

mod rotation_permission;
