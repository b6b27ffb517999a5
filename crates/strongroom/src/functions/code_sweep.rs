//! Removes deployment packages that nothing refers to any more. Which those are is a rule, in `strongroom-services`.

use std::ops::ControlFlow;
use std::sync::Mutex;

use strongroom_services::lambda::code;
use strongroom_services::records::{Key, Records, Source};
use strongroom_services::refusal::Stop;
use strongroom_services::time::Timestamp;
use strongroom_store::{CommitError, Store};

use crate::cache::CachedRecords;
use crate::pipeline;
use crate::workers::{WorkerState, note_run, state};

/// What sweeps up.
pub(crate) struct CodeSweep {
    state: Mutex<WorkerState>,
}

impl CodeSweep {
    /// It has not run yet.
    pub(crate) fn new() -> Self {
        CodeSweep {
            state: Mutex::new(WorkerState::new("function-code")),
        }
    }

    /// How it is doing.
    pub(crate) fn state(&self) -> WorkerState {
        state(&self.state)
    }

    /// Looks at each package once.
    pub(crate) async fn run(&self, records: &CachedRecords, store: &dyn Store, now: Timestamp) {
        let mut removed = 0;
        let result = Self::sweep(records, store, now, &mut removed).await;
        note_run(&self.state, removed, now, store, result);
    }

    async fn sweep(
        source: &CachedRecords,
        store: &dyn Store,
        now: Timestamp,
        removed: &mut u64,
    ) -> Result<(), String> {
        let all = Key::all_lambda_uploads();
        let mut uploads = Vec::new();
        let visit = &mut |key: &[u8], _: &[u8]| {
            uploads.push(Key::from_bytes(key.to_vec()));
            ControlFlow::Continue(())
        };
        let scanned = source.scan(all.as_bytes(), &all.end(), false, visit);
        scanned.map_err(text)?;
        for upload in uploads {
            let records = Records::of(source);
            let changes = code::sweep(&upload, &records, now).map_err(text)?;
            if changes.writes.is_empty() {
                continue;
            }
            let commit = pipeline::commit(records.into_seen(), changes);
            match store.commit(commit).await {
                Ok(_) => *removed += 1,
                // Someone uploads the same again.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

fn text(stop: Stop) -> String {
    match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
    }
}
