//! The thread that looks after things about ten times a second: it writes the head, writes what nobody waits for, sees
//! whether the disk has room, and tries whether a fault is over.

use std::time::{Duration, Instant};

use crate::FaultKind;
use crate::log::Shared;

/// How often.
const TICK: Duration = Duration::from_millis(100);

/// How long to leave a disk alone that refused something.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn run(shared: &Shared) {
    let mut retry_at: Option<Instant> = None;
    while shared.keeper.wait(Some(TICK)) {
        let fault = shared.queue().fault.clone();
        match fault {
            Some(fault) if fault.kind() == FaultKind::Closed => {}
            Some(_) => {
                let at = *retry_at.get_or_insert_with(|| Instant::now() + RETRY_AFTER);
                if Instant::now() >= at {
                    retry_at = None;
                    shared.try_recover();
                }
            }
            None => {
                retry_at = None;
                tick(shared);
            }
        }
    }
}

fn tick(shared: &Shared) {
    if let Err(fault) = shared.check_room() {
        shared.fail(fault);
        return;
    }
    if !shared.queue().is_empty() {
        // A fault is kept, and told to whoever comes next.
        let _ = shared.flush();
    }
    let newest = {
        let file = shared.head_file.lock();
        file.unwrap_or_else(std::sync::PoisonError::into_inner)
            .newest()
            .sequence
    };
    if shared.durable().sequence > newest {
        shared.put_head(&shared.sign_head(), false);
    }
}
