//! What it was measured on: nothing that names the machine, all that explains the figures.

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) date: String,
    pub(crate) commit: String,
}

pub(crate) fn describe() -> Machine {
    let cpu_info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory_info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib: u64 = field(&memory_info, "MemTotal")
        .and_then(|text| text.strip_suffix(" kB")?.parse().ok())
        .unwrap_or_default();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<&str> = release.trim().split('.').take(2).collect();
    Machine {
        cpu: field(&cpu_info, "model name")
            .unwrap_or("unknown")
            .to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: memory_kib.div_ceil(1 << 20),
        kernel: format!("Linux {}", kernel.join(".")),
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        commit: commit().unwrap_or_else(|| "unknown".to_owned()),
    }
}

/// The value of a line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

fn commit() -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["rev-parse", "--short=10", "HEAD"])
        .output()
        .ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
