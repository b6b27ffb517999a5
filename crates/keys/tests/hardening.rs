//! The measures that the report calls in force are, as the kernel sees them.

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
use strongroom_keys::hardening::{Measure, harden};

#[test]
fn what_is_reported_is_so() {
    let report = harden();
    assert_eq!(report.no_core_dumps, Measure::InForce);
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    assert_eq!(report.not_traceable, Measure::InForce);
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    match report.memory_locked {
        Measure::InForce => {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let locked = status
                .lines()
                .find(|line| line.starts_with("VmLck:"))
                .unwrap();
            assert!(!locked.contains(" 0 kB"), "{locked}");
        }
        Measure::Missing(why) => assert!(why.contains("swap"), "{why}"),
    }
    // Allocations far beyond any usual limit on locked memory still work.
    let large = std::hint::black_box(vec![1_u8; 100 << 20]);
    assert_eq!(large.len(), 100 << 20);
}
