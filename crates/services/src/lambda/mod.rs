//! AWS Lambda, as far as rotation functions need it.

pub mod elsewhere;
pub mod function;
pub mod function_arn;
pub mod invoke_permission;
