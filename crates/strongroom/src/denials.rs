//! Why requests were denied, under their ids, for operators who are asked why. In memory: bounded in number and bytes,
//! the oldest go first, and none outlives the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_services::access::explanation::Explanation;
use strongroom_services::time::{Timestamp, rfc3339};
use strongroom_wire::request_id::RequestId;

/// Requests whose denials are kept.
pub const DENIALS_MAX: usize = 1_000;
/// Bytes of what is kept, as JSON.
pub const DENIAL_BYTES_MAX: usize = 4 << 20;

/// A request of which something was denied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeniedRequest {
    /// Its id.
    pub request_id: String,
    /// When.
    pub at: String,
    /// Why, for each thing that was denied; a batch can be denied several.
    pub explanations: Vec<Explanation>,
}

/// The last denials of a node.
#[derive(Default)]
pub struct Denials {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_id: HashMap<RequestId, Box<str>>,
    /// The oldest first.
    order: VecDeque<RequestId>,
    bytes: usize,
}

impl Denials {
    /// Keeps why a request was denied.
    pub fn keep(&self, id: RequestId, at: Timestamp, explanations: Vec<Explanation>) {
        let denied = DeniedRequest {
            request_id: id.to_string(),
            at: rfc3339(at),
            explanations,
        };
        // These types have nothing that JSON lacks.
        let text = serde_json::to_string(&denied).unwrap_or_default();
        self.kept().add(id, text.into());
    }

    /// Why a request was denied; `None`: none of that id was, or it was too long ago.
    pub fn find(&self, id: &str) -> Option<DeniedRequest> {
        let kept = self.kept();
        let (_, text) = kept.by_id.iter().find(|(each, _)| each.as_str() == id)?;
        serde_json::from_str(text).ok()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whoever panicked left at most a denial unkept.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, id: RequestId, text: Box<str>) {
        self.bytes += text.len();
        match self.by_id.insert(id, text) {
            // The decision was made again.
            Some(earlier) => self.bytes -= earlier.len(),
            None => self.order.push_back(id),
        }
        while self.bytes > DENIAL_BYTES_MAX || self.order.len() > DENIALS_MAX {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            let gone = self.by_id.remove(&oldest);
            self.bytes -= gone.map_or(0, |text| text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> RequestId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        RequestId::from_bytes(bytes)
    }

    fn explained(length: usize) -> Vec<Explanation> {
        let text = serde_json::json!({"Principal": "p".repeat(length), "Action": "a:B", "Resource": "*",
            "Decision": "ImplicitlyDenied", "Reason": "", "Policies": []});
        vec![serde_json::from_value(text).unwrap()]
    }

    #[test]
    fn the_oldest_denials_go_first_by_number_and_by_bytes() {
        for (length, kept) in [(1, DENIALS_MAX), (1 << 20, 3)] {
            let denials = Denials::default();
            let count = 2 * kept as u64;
            for number in 0..count {
                denials.keep(
                    id(number),
                    Timestamp::from_milliseconds(0),
                    explained(length),
                );
            }
            let found = (0..count).filter(|it| denials.find(id(*it).as_str()).is_some());
            let found: Vec<u64> = found.collect();
            assert_eq!(found, (count - kept as u64..count).collect::<Vec<_>>());
            let bytes: usize = denials.kept().by_id.values().map(|text| text.len()).sum();
            assert!(bytes == denials.kept().bytes && bytes <= DENIAL_BYTES_MAX);
        }
    }

    #[test]
    fn a_decision_that_is_made_again_is_kept_once() {
        let denials = Denials::default();
        for length in [10, 20] {
            denials.keep(id(1), Timestamp::from_milliseconds(0), explained(length));
        }
        let found = denials.find(id(1).as_str()).unwrap();
        assert_eq!(found.explanations, explained(20));
        assert_eq!(denials.kept().order.len(), 1);
    }
}
