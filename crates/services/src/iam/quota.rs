//! How many of a kind an account may have.
//!
//! Source: AWS IAM User Guide, IAM and AWS STS quotas.

use std::ops::ControlFlow;

use super::refusals;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Refuses one more where there are as many as there may be of those whose keys start with `all`.
///
/// # Refusals
/// `LimitExceeded`
pub(super) fn refuse_more(
    all: &Key,
    name: &str,
    most: usize,
    records: &Records<'_>,
) -> Result<(), Stop> {
    if count(all, records)? >= most {
        return Err(refusals::quota(name, most).into());
    }
    Ok(())
}

/// How many keys start with `all`.
pub(super) fn count(all: &Key, records: &Records<'_>) -> Result<usize, Stop> {
    let mut count = 0;
    records.scan_keys(all.as_bytes(), &all.end(), false, |_| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(count)
}
