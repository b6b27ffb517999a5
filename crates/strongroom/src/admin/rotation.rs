//! What operators see of rotations, and how they get a secret out of trouble.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use strongroom_services::access::Problem;
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::records::{Changes, Records};
use strongroom_services::refusal::Stop;
use strongroom_services::rotation::graph::Graph;
use strongroom_services::rotation::named::Named;
use strongroom_services::rotation::overview::{self, Listing, Overview, Shown};
use strongroom_services::rotation::repair::{Repair, Way};
use strongroom_services::rotation::timeline::Run;
use strongroom_services::time::Timestamp;

use super::access::{read, worked_out};
use super::server::{refused, told};
use crate::node::Node;
use crate::rotation;

/// Secrets in one answer.
const PAGE: usize = 1_000;

/// Which secrets: the question of `POST /rotation/list`, and without the last two that of `POST /rotation/graph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedRotations {
    /// Those of this account alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Those of this region alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only those whose rotation fails, or left a version pending.
    #[serde(default)]
    pub failing: bool,
    /// The ARN of the last secret of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of secrets for which rotation was ever asked: the answer of `POST /rotation/list`. The page after the last one
/// is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedRotations {
    /// By account, region and name.
    pub secrets: Vec<Overview>,
}

/// A secret: the question of `POST /rotation/show`, whose answer is a [`Shown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedSecret {
    /// Its ARN or name.
    pub secret: String,
    /// The account of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// What to do about a version that was left pending: the question of `POST /rotation/repair`, whose answer is a
/// [`Repaired`](strongroom_services::rotation::repair::Repaired).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedRepair {
    /// Of which secret.
    pub secret: AskedSecret,
    /// The version that was looked at; another one isn't touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `Finish` or `Abandon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// End the rotation that is under way.
    #[serde(default)]
    pub cancel: bool,
    /// Finish although nothing says that the value works.
    #[serde(default)]
    pub force: bool,
}

/// Whose rotations went on: the question of `POST /rotation/tail`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedTail {
    /// Of this secret alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<AskedSecret>,
    /// What the answer before said; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Cursor>,
}

/// How far somebody has followed rotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Cursor {
    /// The process: a text, since a number of JSON can't hold all of it.
    pub instance: String,
    /// What happens next in it has this number.
    pub number: u64,
    /// When it was answered: milliseconds since 1970.
    pub at: i64,
}

/// What went on: the answer of `POST /rotation/tail`. Each rotation is there as a whole; what of it was told before is for
/// whoever asks to know, by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tailed {
    /// The oldest first.
    pub runs: Vec<Run>,
    /// For the next question.
    pub next: Cursor,
}

/// Answers a question.
pub(super) async fn answer(path: &str, body: &[u8], node: &Arc<Node>) -> (StatusCode, Vec<u8>) {
    match path {
        "/rotation/list" => {
            worked_out(body, node, |asked: AskedRotations, node| {
                let listing = asked.listing()?;
                let secrets = listing.read(PAGE, &Records::of(node.records()), node.now())?;
                Ok(ListedRotations { secrets })
            })
            .await
        }
        "/rotation/graph" => {
            worked_out(body, node, |asked: AskedRotations, node| {
                let listing = asked.listing()?;
                Ok(Graph::of(
                    &listing,
                    &Records::of(node.records()),
                    node.now(),
                )?)
            })
            .await
        }
        "/rotation/show" => {
            worked_out(body, node, |asked: AskedSecret, node| {
                let records = Records::of(node.records());
                let secret = asked.named()?.find(&records)?;
                Ok(Shown::of(&secret, &records, node.now())?)
            })
            .await
        }
        "/rotation/tail" => worked_out(body, node, tail).await,
        "/rotation/repair" => repair(body, node).await,
        _ => refused(StatusCode::NOT_FOUND, "there is no such route"),
    }
}

async fn repair(body: &[u8], node: &Node) -> (StatusCode, Vec<u8>) {
    let asked = match read::<AskedRepair>(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let named = match asked.secret.named() {
        Ok(named) => named,
        Err(problem) => return refused(StatusCode::BAD_REQUEST, problem),
    };
    let repair = Repair {
        named,
        version_id: asked.version_id,
        way: asked.way,
        cancel: asked.cancel,
        force: asked.force,
    };
    let decided = rotation::decide(node, |records, means| {
        match repair.carry_out(records, means) {
            Ok((changes, repaired)) => Ok((changes, Ok(repaired))),
            Err(Problem::Unavailable(cause)) => Err(Stop::Unavailable(cause)),
            Err(problem) => Ok((Changes::none(), Err(problem))),
        }
    });
    match decided.await {
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
        Ok(Err(problem)) => refused(StatusCode::CONFLICT, problem),
        Ok(Ok(repaired)) => {
            let (secret, way) = (&repaired.arn, repair.way);
            tracing::info!(
                %secret, ?way, cancel = repair.cancel, force = repair.force,
                "an operator repaired a secret's rotation"
            );
            told(StatusCode::OK, &repaired)
        }
    }
}

/// What went on since somebody asked last. What they missed of another process, or of one that did too much since, isn't
/// told.
#[expect(clippy::needless_pass_by_value, reason = "it is a question's answer")]
fn tail(asked: AskedTail, node: &Node) -> Result<Tailed, Problem> {
    let records = Records::of(node.records());
    let (now, instance) = (node.now(), node.rotations().instance().to_string());
    let since = asked
        .since
        .as_ref()
        .filter(|since| since.instance == instance);
    // Asked first: what happens while records are read is told once more rather than never.
    let number = since.map_or(u64::MAX, |since| since.number);
    let (touched, next) = node.rotations().followed().since(number);
    let from = asked
        .since
        .as_ref()
        .map(|since| Timestamp::from_milliseconds(since.at));
    let mut runs: Vec<Run> = Vec::new();
    let mut add = |found: Vec<Run>| {
        let newest = usize::from(asked.secret.is_some());
        let found = found.into_iter().enumerate().filter(|(place, run)| {
            let is_new = |from: Timestamp| run.finished.is_none_or(|finished| finished >= from);
            from.map_or(*place < newest || run.finished.is_none(), is_new)
        });
        runs.extend(found.map(|(_, run)| run));
    };
    match (&asked.secret, since) {
        (Some(secret), _) => {
            let secret = secret.named()?.find(&records)?;
            add(overview::runs(&secret, &records, now)?);
        }
        (None, Some(_)) => {
            for touched in touched {
                let named = Named {
                    secret: touched.name,
                    account: Some(touched.account),
                    region: Some(touched.region),
                };
                // One that is gone has nothing to be told of.
                if let Ok(secret) = named.find(&records) {
                    add(overview::runs(&secret, &records, now)?);
                }
            }
        }
        (None, None) => {
            for secret in overview::under_way(&records)? {
                add(overview::runs(&secret, &records, now)?);
            }
        }
    }
    runs.sort_by_key(|run| run.started);
    let at = now.seconds() * 1_000;
    Ok(Tailed {
        runs,
        next: Cursor {
            instance,
            number: next,
            at,
        },
    })
}

impl AskedRotations {
    fn listing(self) -> Result<Listing, Problem> {
        Ok(Listing {
            account: account(self.account.as_deref())?,
            region: region(self.region.as_deref())?,
            failing: self.failing,
            after: self.after,
        })
    }
}

impl AskedSecret {
    fn named(&self) -> Result<Named, Problem> {
        Ok(Named {
            secret: self.secret.clone(),
            account: account(self.account.as_deref())?,
            region: region(self.region.as_deref())?,
        })
    }
}

fn account(text: Option<&str>) -> Result<Option<AccountId>, Problem> {
    let parsed = text.map(AccountId::parse).transpose();
    parsed.map_err(|error| Problem::Asked(error.to_string()))
}

fn region(text: Option<&str>) -> Result<Option<Region>, Problem> {
    let parsed = text.map(Region::parse).transpose();
    parsed.map_err(|error| Problem::Asked(error.to_string()))
}
