//! What waits to be written, who waits for it, and who is to write it.
//!
//! Records are chained as they are queued, so that whoever writes has one piece of bytes to hand over. All that is queued
//! at a time is one batch, and is written by one of those who wait for it (with [`crate::Durability::Write`]) or by a
//! thread of its own (with [`crate::Durability::Fsync`]), once all who are ready have queued theirs.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::Fault;
use crate::hash::{HASH_BYTES, Hash};
use crate::log::Shared;
use crate::record::{Kind, push};

/// Above this, a buffer isn't kept for the next batch.
const KEPT_BUFFER_BYTES_MAX: usize = 1 << 20;

/// What waits to be written.
pub(crate) struct Queue {
    batch: Arc<Batch>,
    /// The hash of the newest record before the batch, then its records.
    buffer: Vec<u8>,
    /// Where in the buffer new segments begin.
    splits: Vec<Split>,
    /// The newest record, written or not.
    pub(crate) end: Position,
    /// The segment that the next record goes into, and how long it is with what is queued.
    pub(crate) segment: u64,
    pub(crate) segment_len: u64,
    /// Somebody has taken it upon itself to write.
    led: bool,
    /// Why nothing is taken.
    pub(crate) fault: Option<Fault>,
    /// Buffers to use again.
    spare: Vec<u8>,
}

/// A record, and when it was appended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
    pub(crate) milliseconds: i64,
}

/// A new segment in the middle of a batch.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Split {
    /// Where its first record begins in the buffer.
    pub(crate) at: usize,
    pub(crate) number: u64,
    pub(crate) first_sequence: u64,
}

/// What was taken to be written.
pub(crate) struct Taken {
    pub(crate) batch: Arc<Batch>,
    pub(crate) buffer: Vec<u8>,
    pub(crate) splits: Vec<Split>,
    pub(crate) first_sequence: u64,
    pub(crate) end: Position,
}

impl Queue {
    pub(crate) fn new(end: Position, segment: u64, segment_len: u64) -> Self {
        Self {
            batch: Arc::default(),
            buffer: end.hash.0.to_vec(),
            splits: Vec::new(),
            end,
            segment,
            segment_len,
            led: false,
            fault: None,
            spare: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.len() == HASH_BYTES
    }

    /// How many wait for what is queued.
    pub(crate) fn waiting(&self) -> usize {
        self.batch.state().wakers.len()
    }

    /// Queues a record.
    pub(crate) fn push(&mut self, milliseconds: i64, kind: Kind, payload: &[u8]) {
        let sequence = self.end.sequence + 1;
        let before = self.buffer.len();
        let hash = push(&mut self.buffer, sequence, milliseconds, kind, payload);
        self.segment_len += (self.buffer.len() - before) as u64;
        self.end = Position {
            sequence,
            hash,
            milliseconds,
        };
    }

    /// The next record begins this segment.
    pub(crate) fn split(&mut self, number: u64) {
        self.splits.push(Split {
            at: self.buffer.len(),
            number,
            first_sequence: self.end.sequence + 1,
        });
        self.segment = number;
        self.segment_len = crate::segment::PREAMBLE_BYTES as u64;
    }

    /// Takes all that is queued.
    pub(crate) fn take(&mut self, written: Position) -> Taken {
        let mut buffer = std::mem::take(&mut self.spare);
        buffer.clear();
        buffer.extend_from_slice(&self.end.hash.0);
        Taken {
            batch: std::mem::take(&mut self.batch),
            buffer: std::mem::replace(&mut self.buffer, buffer),
            splits: std::mem::take(&mut self.splits),
            first_sequence: written.sequence + 1,
            end: self.end,
        }
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_BUFFER_BYTES_MAX {
            self.spare = buffer;
        }
    }

    /// Throws away what is queued, and goes on behind what is written. Returns the batch, to be told.
    pub(crate) fn fall_back(
        &mut self,
        end: Position,
        segment: u64,
        segment_len: u64,
    ) -> Arc<Batch> {
        let fault = self.fault.take();
        let queue = std::mem::replace(self, Self::new(end, segment, segment_len));
        self.led = queue.led;
        self.fault = fault;
        queue.batch
    }

    /// Nobody leads any more: the thread that syncs takes it from here.
    pub(crate) fn hand_over(&mut self) {
        self.led = false;
    }

    /// Nobody leads any more. Has somebody of those who wait take it up.
    pub(crate) fn stop_leading(&mut self) -> Option<Waker> {
        self.led = false;
        if self.is_empty() {
            return None;
        }
        self.batch.state().wakers.iter_mut().find_map(Option::take)
    }
}

/// Those who wait for the same write.
#[derive(Default)]
pub(crate) struct Batch {
    done: AtomicBool,
    state: Mutex<BatchState>,
}

#[derive(Default)]
struct BatchState {
    result: Option<Result<(), Fault>>,
    wakers: Vec<Option<Waker>>,
}

impl Batch {
    fn state(&self) -> MutexGuard<'_, BatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the result. With `relay`, one of those who wait is woken, who wakes the others: from within its own
    /// runtime, where that is cheap. How many waited.
    pub(crate) fn finish(&self, result: Result<(), Fault>, relay: bool) -> usize {
        let mut state = self.state();
        if state.result.is_some() {
            return 0;
        }
        let waited = state.wakers.len();
        state.result = Some(result);
        self.done.store(true, Ordering::Release);
        if relay {
            let first = state.wakers.iter_mut().find_map(Option::take);
            drop(state);
            if let Some(first) = first {
                first.wake();
            }
        } else {
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
        waited
    }

    /// The result, once there is one; those who haven't been woken are.
    fn result(&self) -> Option<Result<(), Fault>> {
        if !self.done.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state();
        let wakers = std::mem::take(&mut state.wakers);
        let result = state.result.clone();
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
        result
    }

    /// One of those who wait goes away: woken in place of all, it would wake nobody.
    fn forget(&self, place: usize) {
        if let Some(waker) = self.state().wakers.get_mut(place) {
            *waker = None;
        }
    }

    /// Wakes those whom nobody woke, if it is over.
    pub(crate) fn wake_forgotten(&self) {
        let _ = self.result();
    }
}

/// The future of [`crate::Log::append`]: the last record's sequence, once it is durable as configured.
///
/// Dropping it takes nothing back.
#[must_use = "nothing says that the records are durable but this"]
pub struct Appending {
    state: State,
}

enum State {
    /// Known before anything was queued.
    Known(Result<u64, Fault>),
    Queued {
        shared: Arc<Shared>,
        batch: Arc<Batch>,
        sequence: u64,
        /// Its place among those who wait.
        place: Option<usize>,
        /// It is to write, as soon as those who are ready have queued their records too.
        leads: bool,
    },
    Done,
}

impl Appending {
    pub(crate) fn refused(fault: Fault) -> Self {
        Self {
            state: State::Known(Err(fault)),
        }
    }

    /// Of nothing.
    pub(crate) fn answered(sequence: u64) -> Self {
        Self {
            state: State::Known(Ok(sequence)),
        }
    }

    pub(crate) fn queued(shared: &Arc<Shared>, queue: &Queue) -> Self {
        Self {
            state: State::Queued {
                shared: Arc::clone(shared),
                batch: Arc::clone(&queue.batch),
                sequence: queue.end.sequence,
                place: None,
                leads: false,
            },
        }
    }

    /// The last record's sequence, once it is durable; nothing, where it was refused at once.
    pub fn sequence(&self) -> Option<u64> {
        match &self.state {
            State::Queued { sequence, .. } | State::Known(Ok(sequence)) => Some(*sequence),
            State::Known(Err(_)) | State::Done => None,
        }
    }
}

impl Future for Appending {
    type Output = Result<u64, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let State::Queued {
            shared,
            batch,
            sequence,
            place,
            leads,
        } = &mut self.state
        else {
            return match std::mem::replace(&mut self.state, State::Done) {
                State::Known(answer) => Poll::Ready(answer),
                _ => Poll::Pending,
            };
        };
        let has_led = std::mem::take(leads);
        if has_led {
            shared.lead();
        }
        if let Some(result) = batch.result() {
            let answer = result.map(|()| *sequence);
            self.state = State::Done;
            return Poll::Ready(answer);
        }
        let mut queue = shared.queue();
        let waits = Arc::ptr_eq(&queue.batch, batch);
        if waits && !queue.led && !has_led {
            queue.led = true;
            *leads = true;
            drop(queue);
            // Again, once all that are ready now have had their turn.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut state = batch.state();
        if let Some(result) = state.result.clone() {
            drop(state);
            drop(queue);
            let answer = result.map(|()| *sequence);
            self.state = State::Done;
            return Poll::Ready(answer);
        }
        let waker = Some(context.waker().clone());
        match *place {
            Some(place) if place < state.wakers.len() => state.wakers[place] = waker,
            _ => {
                *place = Some(state.wakers.len());
                state.wakers.push(waker);
            }
        }
        Poll::Pending
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        let State::Queued {
            shared,
            batch,
            leads,
            place,
            ..
        } = &self.state
        else {
            return;
        };
        if *leads {
            // Others count on it.
            shared.lead();
        } else if let Some(place) = place {
            // It may have been woken in order to wake the others, or to lead them.
            batch.forget(*place);
            batch.wake_forgotten();
            if let Some(next) = shared.queue().next_leader(batch) {
                next.wake();
            }
        }
    }
}

impl Queue {
    /// Whom to wake where this batch still waits and nobody leads.
    fn next_leader(&self, batch: &Arc<Batch>) -> Option<Waker> {
        if self.led || !Arc::ptr_eq(&self.batch, batch) {
            return None;
        }
        batch.state().wakers.iter_mut().find_map(Option::take)
    }
}
