//! Who may do what, and why: for whoever runs a deployment, never for those who ask its services.

pub mod explanation;
mod remedy;
mod subject;
mod topic;
pub mod who_can;

use crate::caller::{AccountId, Region};
use crate::gate;
use crate::operation::Means;
use crate::records::Records;
use crate::refusal::Stop;

use explanation::Explanation;
use subject::Subject;
use topic::Topic;

/// What an operator asks about.
#[derive(Clone, Debug)]
pub struct Question {
    /// An action, such as `secretsmanager:GetSecretValue`.
    pub action: String,
    /// An ARN, a secret's name, a key's id or alias, or `*`.
    pub resource: String,
    /// The account of a name, where it isn't the principal's.
    pub account: Option<AccountId>,
    /// The region of a name.
    pub region: Option<Region>,
    /// Condition keys that the request is supposed to hold, with their values.
    pub supposed: Vec<(String, Vec<String>)>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It is about nothing, or nobody; the text says what to do.
    #[error("{0}")]
    Asked(String),
    /// The records can't be read.
    #[error("the records could not be read: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Unavailable(cause) => Problem::Unavailable(cause),
            Stop::Refused(refusal) => Problem::Asked(refusal.message.unwrap_or_default()),
        }
    }
}

/// Why someone may do something, or may not: the action itself, and then what else it takes, such as the key of a
/// secret.
///
/// # Errors
/// The question is about nothing, or nobody.
pub fn explain(
    principal: &str,
    question: &Question,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Vec<Explanation>, Problem> {
    let account = principal.split(':').nth(4).map(AccountId::parse);
    let Some(Ok(account)) = account else {
        return Err(subject::not_a_principal(principal));
    };
    let topic = Topic::of(question, &account, records)?;
    let subject = Subject::find(principal, &topic.region, records)?;
    let given = means.given(&subject.caller);
    let supposed = question.supposed.as_slice();
    let needs = topic.needs(supposed, &subject.caller, means.now, records)?;
    let explained = needs.iter().enumerate().map(|(at, need)| {
        // What is supposed is said of the request itself, not of what follows from it.
        let supposed = if at == 0 { supposed } else { &[] };
        gate::explain(need, supposed, &subject.in_force, &given)
    });
    Ok(explained.collect())
}
