//! How a secret is rotated: by which function, when, and how that went. It is a part of the secret's record.
//!
//! Source: AWS Secrets Manager API Reference, RotateSecret, RotationRulesType; reference/rotation.md §3, §5.

use serde::{Deserialize, Serialize};

use super::built_in::Parameter;
use super::schedule::{Schedule, ScheduleProblem, Window};
use crate::time::{Timestamp, epoch_seconds};

/// How a secret is rotated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Whether it rotates when its windows come.
    pub enabled: bool,
    /// The function, as it was named: an ARN.
    pub function: Option<String>,
    /// When; `None` only of a secret that another service rotates.
    pub rules: Option<RotationRules>,
    /// What the function is told besides: `ExternalSecretRotationMetadata`.
    pub metadata: Vec<Parameter>,
    /// `ExternalSecretRotationRoleArn`.
    pub role: Option<String>,
    /// When it was last rotated to the end.
    pub last_rotated: Option<Timestamp>,
    /// When it rotates next; `None` while it is turned off, or the secret is about to be deleted.
    pub next: Option<Next>,
    /// Since when it fails; `None`: the last rotation that ended was a success.
    pub failing: Option<Failing>,
}

/// When a secret rotates next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// The window that is shown; it stays where it was for as long as rotations fail.
    pub window: Window,
    /// The moment at which it is tried.
    pub at: Timestamp,
    /// The end of the window in which it is tried: no further attempt begins after it.
    pub until: Timestamp,
}

impl Next {
    /// The window in which it is tried: the one that is shown, unless that was missed.
    pub fn tried_in(&self) -> Window {
        match self.at < self.window.until {
            true => self.window,
            false => Window {
                from: self.at,
                until: self.until,
            },
        }
    }
}

/// That rotations fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When the first of them began.
    pub since: Timestamp,
    /// How many failed since.
    pub rotations: u32,
    /// What the last one failed of. It holds no value of the secret.
    pub error: String,
}

/// When a secret rotates, as it was asked for: exactly one of the first two is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationRules {
    /// So many days after the last rotation, 1 to 1,000.
    pub automatically_after_days: Option<u32>,
    /// A `rate()` or `cron()` expression.
    pub schedule_expression: Option<String>,
    /// How long a window is open, such as `3h`.
    pub duration: Option<String>,
}

impl RotationRules {
    /// The schedule that they spell; `None` where they spell none.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn schedule(&self) -> Result<Option<Schedule>, ScheduleProblem> {
        let duration = self.duration.as_deref();
        match (&self.schedule_expression, self.automatically_after_days) {
            (Some(expression), _) => Schedule::parse(expression, duration).map(Some),
            (None, Some(days)) => Schedule::after_days(days, duration).map(Some),
            (None, None) => Ok(None),
        }
    }
}

impl Rotation {
    /// Of a secret that never rotated.
    pub fn new() -> Self {
        Rotation {
            enabled: false,
            function: None,
            rules: None,
            metadata: Vec::new(),
            role: None,
            last_rotated: None,
            next: None,
            failing: None,
        }
    }

    /// Its schedule. What is kept was checked when it was set.
    pub fn schedule(&self) -> Option<Schedule> {
        let schedule = self.rules.as_ref()?.schedule();
        schedule.ok().flatten()
    }

    /// The members that DescribeSecret and ListSecrets show.
    pub fn shown(&self) -> Shown {
        Shown {
            rotation_enabled: self.enabled,
            rotation_lambda_arn: self.function.clone(),
            rotation_rules: self.rules.as_ref().map(|rules| self.shown_rules(rules)),
            external_secret_rotation_metadata: self.metadata.clone(),
            external_secret_rotation_role_arn: self.role.clone(),
            last_rotated_date: self.last_rotated,
            next_rotation_date: self.next.map(|next| next.window.rotates_by()),
        }
    }

    /// Whoever gave an expression is shown the days as well. Source: reference/rotation.md §3, "Stored shape".
    fn shown_rules(&self, rules: &RotationRules) -> ShownRules {
        let base = self.next.map(|next| next.window.from).or(self.last_rotated);
        let days = self
            .schedule()
            .map(|schedule| schedule.days_between(base.unwrap_or_default()));
        ShownRules {
            automatically_after_days: rules.automatically_after_days.or(days),
            duration: rules.duration.clone(),
            schedule_expression: rules.schedule_expression.clone(),
        }
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Self::new()
    }
}

/// What responses show of a rotation.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    rotation_enabled: bool,
    #[serde(rename = "RotationLambdaARN", skip_serializing_if = "Option::is_none")]
    rotation_lambda_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_rules: Option<ShownRules>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_secret_rotation_metadata: Vec<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_secret_rotation_role_arn: Option<String>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    last_rotated_date: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    next_rotation_date: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownRules {
    #[serde(skip_serializing_if = "Option::is_none")]
    automatically_after_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_expression: Option<String>,
}
