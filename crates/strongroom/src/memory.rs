//! How much memory this process may use, and what share of it caches take. Knows nothing of what is cached.

use std::path::Path;

/// Where the system doesn't tell.
const UNKNOWN_BYTES: u64 = 1 << 30;
/// Of the memory, a part in so many goes to decoded records.
const RECORDS_SHARE: u64 = 4;
/// Of the memory, a part in so many goes to the store's pages.
const PAGES_SHARE: u64 = 8;

/// What caches may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSizes {
    /// Of the store's pages, in bytes.
    pub store_cache_bytes: usize,
    /// Of decoded records, in bytes.
    pub record_cache_bytes: u64,
}

impl CacheSizes {
    /// For work that passes over the data once.
    pub const SMALL: Self = CacheSizes {
        store_cache_bytes: 8 << 20,
        record_cache_bytes: 8 << 20,
    };

    /// Those of a machine or container like this one. They are bounds: a cache grows with what is there
    /// and used.
    pub fn of_this_machine() -> Self {
        Self::of_memory(available_bytes())
    }

    fn of_memory(bytes: u64) -> Self {
        CacheSizes {
            store_cache_bytes: usize::try_from(bytes / PAGES_SHARE).unwrap_or(usize::MAX),
            record_cache_bytes: bytes / RECORDS_SHARE,
        }
    }
}

/// The machine's memory, or less where a control group sets a limit.
fn available_bytes() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| total_bytes(&text));
    let group = read("/proc/self/cgroup").and_then(|text| {
        limit_files(&text)
            .iter()
            .filter_map(|path| read(path)?.trim().parse().ok())
            .min()
    });
    machine
        .into_iter()
        .chain(group)
        .min()
        .unwrap_or(UNKNOWN_BYTES)
}

/// `MemTotal` of `/proc/meminfo`.
fn total_bytes(text: &str) -> Option<u64> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Files that may hold a limit of the groups in `/proc/self/cgroup`: the group's own, those of the groups
/// around it, and what a container sees as the root. A file of version 2 without a limit says `max`, one of
/// version 1 a number beyond any memory.
fn limit_files(text: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|each| each == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        files.extend(
            Path::new(group)
                .ancestors()
                .filter_map(Path::to_str)
                .map(|group| format!("{root}{}/{name}", group.trim_end_matches('/'))),
        );
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_take_their_shares() {
        let sizes = CacheSizes::of_memory(16 << 30);
        assert_eq!(sizes.record_cache_bytes, 4 << 30);
        assert_eq!(sizes.store_cache_bytes, 2 << 30);
    }

    #[test]
    fn the_machines_memory_is_read() {
        let text = "MemTotal:       24576 kB\nMemFree:         1000 kB\n";
        assert_eq!(total_bytes(text), Some(24 << 20));
        assert_eq!(total_bytes("MemFree: 1000 kB\n"), None);
        assert!(available_bytes() > 64 << 20);
    }

    #[test]
    fn limits_of_all_groups_around_the_process_are_found() {
        let version_2 = limit_files("0::/system.slice/strongroom.service\n");
        assert_eq!(
            version_2,
            [
                "/sys/fs/cgroup/system.slice/strongroom.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        let version_1 = limit_files("5:cpu,cpuacct:/a\n4:memory:/docker/b\nnonsense\n");
        assert_eq!(
            version_1,
            [
                "/sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/docker/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
    }
}
