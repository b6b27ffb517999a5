//! Fresh request ids, cheaply: random bytes are fetched in batches, one batch a thread.

use std::cell::RefCell;

use strongroom_keys::{Entropy, SystemEntropy};
use strongroom_wire::request_id::RequestId;

/// 16 fresh bytes for an id.
#[must_use]
pub fn fresh_id() -> [u8; 16] {
    BATCH.with_borrow_mut(Batch::next)
}

/// A fresh id. Ids are for finding a request again in logs; nothing's safety rests on them.
#[must_use]
pub fn new_request_id() -> RequestId {
    RequestId::from_bytes(fresh_id())
}

const ID_BYTES: usize = 16;
const BATCH_IDS: usize = 64;

thread_local! {
    static BATCH: RefCell<Batch> = const { RefCell::new(Batch { bytes: [0; ID_BYTES * BATCH_IDS], left: 0 }) };
}

struct Batch {
    bytes: [u8; ID_BYTES * BATCH_IDS],
    left: usize,
}

impl Batch {
    fn next(&mut self) -> [u8; ID_BYTES] {
        if self.left == 0 {
            SystemEntropy.fill(&mut self.bytes);
            self.left = BATCH_IDS;
        }
        self.left -= 1;
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&self.bytes[self.left * ID_BYTES..][..ID_BYTES]);
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_comes_twice_across_batches_and_threads() {
        let draw = || (0..1_000).map(|_| new_request_id()).collect::<Vec<_>>();
        let other = std::thread::spawn(draw);
        let mut ids = draw();
        ids.extend(other.join().unwrap());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 2_000);
    }
}
