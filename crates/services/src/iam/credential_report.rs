//! The credential report: every user of an account with its access keys and MFA devices, as a table. Only when it was
//! asked for rests in a record; what it says is read when it is given.
//!
//! Source: AWS IAM User Guide, Generate credential reports for your AWS account.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::user::User;
use crate::accounts::{AccessKey, Account, KeyStatus};
use crate::caller::{AccountId, Caller};
use crate::last_use;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, rfc3339};

/// How long a report may be fetched, and no new one is made.
pub(super) const LIFETIME: Duration = Duration::from_secs(4 * 60 * 60);

/// Access keys that a row has columns for.
const KEYS: usize = 2;
const NONE: &str = "N/A";

/// That a report was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CredentialReport {
    /// Of which account.
    pub account: AccountId,
    /// When.
    pub generated: Timestamp,
}

/// The table, in the format and order of AWS's.
pub(super) fn table(caller: &Caller, records: &Records<'_>) -> Result<String, Stop> {
    let account = &caller.account;
    let mut text =
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
                    password_next_rotation,mfa_active"
            .to_owned();
    for number in 1..=KEYS {
        let columns = [
            "active",
            "last_rotated",
            "last_used_date",
            "last_used_region",
            "last_used_service",
        ];
        for column in columns {
            text.push_str(&format!(",access_key_{number}_{column}"));
        }
    }
    text.push_str(",cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n");
    if let Some(found) = records.peek::<Account>(&Key::account(account))? {
        let password = [
            "not_supported",
            "no_information",
            "not_supported",
            "not_supported",
        ];
        let mut row = vec![
            "<root_account>".to_owned(),
            caller.iam_arn(account, "root"),
            date(found.created),
        ];
        row.extend(password.map(str::to_owned));
        row.push("false".to_owned());
        push_keys(&mut row, account, &found.root_access_key_ids, records)?;
        push_row(&mut text, row);
    }
    let all = Key::iam_users(account);
    let mut users = Vec::new();
    records.scan::<User>(all.as_bytes(), &all.end(), false, |user| {
        users.push(user);
        ControlFlow::Continue(())
    })?;
    for user in users {
        let mut row = vec![user.name.clone(), user.arn(caller), date(user.created)];
        row.extend(["false", NONE, NONE, NONE].map(str::to_owned));
        row.push((!user.mfa_devices.is_empty()).to_string());
        push_keys(&mut row, account, &user.access_key_ids, records)?;
        push_row(&mut text, row);
    }
    Ok(text)
}

fn push_keys(
    row: &mut Vec<String>,
    account: &AccountId,
    ids: &[String],
    records: &Records<'_>,
) -> Result<(), Stop> {
    for number in 0..KEYS {
        let id = ids.get(number);
        let key = match id {
            Some(id) => records.peek::<AccessKey>(&Key::access_key(id))?,
            None => None,
        };
        let last = match id {
            Some(id) => last_use::of(account, id, records)?,
            None => None,
        };
        let is_active = key.as_ref().map(|key| key.status) == Some(KeyStatus::Active);
        row.push(is_active.to_string());
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        row.push(or_none(key.map(|key| date(key.created))));
        row.push(or_none(last.as_ref().map(|last| date(last.at))));
        row.push(or_none(last.as_ref().map(|last| last.region.clone())));
        row.push(or_none(last.map(|last| last.service.clone())));
    }
    Ok(())
}

/// No column holds a comma, a quote or a line's end that would have to be escaped, but for users' names, which may hold
/// a comma.
fn push_row(text: &mut String, mut row: Vec<String>) {
    row.extend(["false", NONE, "false", NONE].map(str::to_owned));
    let quoted = row.into_iter().map(|column| match column.contains(',') {
        true => format!("\"{column}\""),
        false => column,
    });
    text.push_str(&quoted.collect::<Vec<_>>().join(","));
    text.push('\n');
}

/// As AWS writes instants in the report.
fn date(at: Timestamp) -> String {
    rfc3339(at).replace('Z', "+00:00")
}
