//! What happens to rotations on this node, for operators who watch: whose rotation went on lately, and how many ended how.
//! The details are in the store; here is only where to look.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use strongroom_services::caller::{AccountId, Region};
use strongroom_services::records::{Change, Changes, Key, Record};
use strongroom_services::rotation::job::{Kind, RotationJob};
use strongroom_services::rotation::run::{Ended, RotationRun};

/// How many of the last are kept: many more than go on within the second in which somebody looks again.
const KEPT: usize = 4_096;

/// How rotations end, as metrics name it.
pub const OUTCOMES: [(Ended, &str); 5] = [
    (Ended::Succeeded, "succeeded"),
    (Ended::Failed, "failed"),
    (Ended::Abandoned, "abandoned"),
    (Ended::Cancelled, "cancelled"),
    (Ended::Deleted, "deleted"),
];

/// A secret whose rotation went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its account.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
}

/// What changes mean for rotations.
#[derive(Debug, Default)]
pub struct Progress {
    touched: Vec<Touched>,
    ended: Vec<Ended>,
}

/// Whose rotation went on lately.
#[derive(Default)]
pub struct Followed {
    kept: Mutex<Kept>,
    ended: [AtomicU64; OUTCOMES.len()],
}

#[derive(Default)]
struct Kept {
    /// The number of the next.
    next: u64,
    last: VecDeque<Touched>,
}

impl Progress {
    /// Of changes that aren't committed yet.
    pub fn in_changes(changes: &Changes) -> Self {
        let mut progress = Progress::default();
        for change in &changes.writes {
            let Change::Put(key, bytes) = change else {
                continue;
            };
            if key.starts_with(&Key::rotation_jobs()) {
                let job = RotationJob::decode(bytes).ok();
                let job = job.as_ref().and_then(RotationJob::unwrap);
                progress.touched.extend(job.map(|job| Touched {
                    account: job.account.clone(),
                    region: job.region.clone(),
                    name: job.name.clone(),
                }));
            } else if key.starts_with(&Key::all_rotation_runs()) {
                let run = RotationRun::decode(bytes).ok();
                let Some(run) = run.as_ref().and_then(RotationRun::unwrap) else {
                    continue;
                };
                if run.kind == Kind::Rotation {
                    progress.ended.push(run.ended);
                }
                progress.touched.push(Touched {
                    account: run.account.clone(),
                    region: run.region.clone(),
                    name: run.name.clone(),
                });
            }
        }
        progress
    }
}

impl Followed {
    /// Takes down what was committed.
    pub fn note(&self, progress: Progress) {
        for ended in progress.ended {
            let place = OUTCOMES.iter().position(|(outcome, _)| *outcome == ended);
            if let Some(count) = place.and_then(|place| self.ended.get(place)) {
                count.fetch_add(1, Relaxed);
            }
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for touched in progress.touched {
            kept.next += 1;
            kept.last.push_back(touched);
            if kept.last.len() > KEPT {
                kept.last.pop_front();
            }
        }
    }

    /// Whose rotation went on since the one of this number, each once, and the number of the next.
    pub fn since(&self, number: u64) -> (Vec<Touched>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let first = kept.next - kept.last.len() as u64;
        let skipped = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut found: Vec<Touched> = Vec::new();
        for touched in kept.last.iter().skip(skipped) {
            if !found.contains(touched) {
                found.push(touched.clone());
            }
        }
        (found, kept.next)
    }

    /// How many rotations ended how, in the order of [`OUTCOMES`].
    pub fn ended(&self) -> [u64; OUTCOMES.len()] {
        self.ended.each_ref().map(|count| count.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(name: &str) -> Touched {
        Touched {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn whoever_looks_again_is_told_once_of_each_secret_whose_rotation_went_on() {
        let followed = Followed::default();
        let note = |names: &[&str], ended: &[Ended]| {
            followed.note(Progress {
                touched: names.iter().map(|name| touched(name)).collect(),
                ended: ended.to_vec(),
            });
        };
        note(&["a", "b", "a"], &[Ended::Failed]);
        let (found, next) = followed.since(0);
        assert_eq!((found, next), (vec![touched("a"), touched("b")], 3));
        assert_eq!(followed.since(next), (Vec::new(), 3));
        note(&["b"], &[Ended::Succeeded, Ended::Failed]);
        assert_eq!(followed.since(next), (vec![touched("b")], 4));
        assert_eq!(followed.ended(), [1, 2, 0, 0, 0]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let followed = Followed::default();
        for number in 0..KEPT + 10 {
            followed.note(Progress {
                touched: vec![touched(&number.to_string())],
                ended: Vec::new(),
            });
        }
        let (found, next) = followed.since(0);
        assert_eq!((found.len(), next), (KEPT, (KEPT + 10) as u64));
        assert_eq!(found[0], touched("10"));
    }
}
