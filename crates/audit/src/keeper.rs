//! The thread that looks after things about ten times a second: it writes the head, writes what nobody waits for, sees
//! whether the disk has room and whether the files are as they were left, and tries whether a fault is over.

use std::time::{Duration, Instant};

use crate::FaultKind;
use crate::log::Shared;

/// How often.
const TICK: Duration = Duration::from_millis(100);

/// In how many ticks all files are looked at once.
const TICKS_A_LOOK: u32 = 10;

/// How long to leave a disk alone that refused something.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) fn run(shared: &Shared) {
    let mut retry_at: Option<Instant> = None;
    let mut ticks = 0_u32;
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
                ticks = ticks.wrapping_add(1);
                shared.watch_current();
                if shared.queue().fault.is_none() {
                    tick(shared);
                }
                if ticks.is_multiple_of(TICKS_A_LOOK) {
                    shared.watch_others();
                }
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
    let newest = shared.head_file().newest().sequence;
    if shared.durable().sequence > newest {
        shared.put_head(&shared.sign_head(), false);
    }
}
