//! What a caller is told when an operation does not happen, and the other reason why it may not.
//!
//! A [`Refusal`] is the client's to act on and carries AWS's code and wording. [`Stop::Unavailable`]
//! is the operator's: the client learns nothing of its cause.

use std::error::Error;

/// Why an operation stopped short of an answer.
#[derive(Debug)]
pub enum Stop {
    /// The client must act; shown to it.
    Refused(Refusal),
    /// The operator must act: a record could not be read or is damaged. Logged, never shown.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

/// An error of the service as a client sees it. Made by the named constructors of each service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's error code, which goes into `__type`.
    pub code: &'static str,
    /// AWS's wording; some framework errors have none.
    pub message: Option<String>,
    /// Which letter case the message's member has.
    pub member: MessageMember,
}

/// Modeled errors of Secrets Manager say `Message`; errors of AWS's service framework, and those of
/// KMS, say `message`.
///
/// Source: reference/api.md §1, "Error body"; reference/kms-iam-sts.md §A1.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum MessageMember {
    /// `Message`
    Capital,
    /// `message`
    LowerCase,
}

impl Refusal {
    /// An error in the service's model.
    pub(crate) fn modeled(code: &'static str, message: impl Into<String>) -> Self {
        Refusal {
            code,
            message: Some(message.into()),
            member: MessageMember::Capital,
        }
    }

    /// An error of the framework around the service.
    pub(crate) fn framework(code: &'static str, message: impl Into<String>) -> Self {
        Refusal {
            code,
            message: Some(message.into()),
            member: MessageMember::LowerCase,
        }
    }

    /// A target that no service here has. Source: reference/api.md §1.
    pub fn unknown_operation() -> Self {
        Refusal {
            code: "UnknownOperationException",
            message: None,
            member: MessageMember::LowerCase,
        }
    }

    /// The account asks more often than it may. Source: reference/api.md §1, Throttling.
    pub fn throttled() -> Self {
        Self::framework("ThrottlingException", "Rate exceeded")
    }

    /// The caller's credentials stopped being good while its request was carried out.
    pub(crate) fn unrecognized_client() -> Self {
        Self::framework(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    }

    /// The body, or a member of it, is not what the protocol can read.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::modeled("SerializationException", message)
    }

    /// The request breaks constraints of the model.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::framework("ValidationException", message)
    }

    /// The caller may not do this. `shown` is the resource as the caller named it.
    ///
    /// Source: reference/access-control.md §7.
    pub fn access_denied(caller: &str, action: &str, shown: Option<&str>, reason: &str) -> Self {
        let resource = shown
            .map(|shown| format!(" on resource: {shown}"))
            .unwrap_or_default();
        Self::modeled(
            "AccessDeniedException",
            format!("User: {caller} is not authorized to perform: {action}{resource} {reason}"),
        )
    }
}
