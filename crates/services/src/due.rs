//! Work that falls due: rows in an index by time, each saying what it is about, so that the cost
//! follows what is due and not what exists. When to look is the shell's.

use crate::operation::Means;
use crate::records::{Changes, Key, Record, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// A row of work that is due at the instant in its key.
pub trait Due: Record {
    /// What the work is called, for operators.
    const WORK: &'static str;

    /// Where in the index that which is due at an instant starts.
    fn index(at: Timestamp) -> Key;

    /// Does what is due. `row` is the row's key: it is removed with the last of the work, and also
    /// where nothing is left to do.
    fn carry_out(
        &self,
        row: Key,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Changes, Stop>;
}

/// The part of the store in which the rows lie that are due by now: its start and its end.
pub fn range<D: Due>(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    let start = D::index(Timestamp::from_milliseconds(i64::MIN)).into_bytes();
    (start, D::index(now).end())
}
