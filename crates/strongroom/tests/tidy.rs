//! Holds the tree to ARCHITECTURE.md: which room may know which, where effects may be, one file an
//! operation, no leftovers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helper fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use strongroom_services::{cloudtrail, iam, kms, secretsmanager, sts};

#[test]
fn dependencies_point_one_way() {
    for (room, allowed) in [
        ("audit", &[][..]),
        ("policy", &[]),
        ("keys", &[]),
        ("store", &[]),
        ("wire", &["keys"]),
        ("services", &["keys", "policy"]),
        (
            "strongroom",
            &["audit", "keys", "policy", "services", "store", "wire"],
        ),
    ] {
        let manifest = read(&root().join("crates").join(room).join("Cargo.toml"));
        let manifest: toml::Table = manifest.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        let found: BTreeSet<&str> = dependencies
            .keys()
            .filter_map(|name| name.strip_prefix("strongroom-"))
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(
            found.is_subset(&allowed),
            "{room} may know {allowed:?}, and knows {found:?}"
        );
    }
}

#[test]
fn the_services_have_no_effects_of_their_own() {
    let banned = [
        "async fn",
        "std::fs",
        "std::net",
        "std::thread",
        "std::env",
        "std::process",
        "SystemTime",
        "Instant::now",
        "tokio",
        "SystemEntropy",
        "println!",
        "tracing::",
    ];
    for file in sources("crates/services/src") {
        let text = read(&file);
        for word in banned {
            assert!(!text.contains(word), "{} says {word}", file.display());
        }
    }
}

#[test]
fn only_the_clock_asks_what_time_it_is() {
    for file in sources("crates/strongroom/src") {
        let allowed = ["clock.rs"].iter().any(|name| file.ends_with(name));
        let asks = read(&file).contains("SystemTime::now");
        assert!(
            allowed || !asks,
            "{} asks the system for the time of day",
            file.display()
        );
    }
}

#[test]
fn each_operation_has_a_file_of_its_own() {
    for (service, operations) in [
        ("cloudtrail", cloudtrail::OPERATIONS),
        ("iam", iam::OPERATIONS),
        ("kms", kms::OPERATIONS),
        ("secretsmanager", secretsmanager::OPERATIONS),
        ("sts", sts::OPERATIONS),
    ] {
        let folder = root().join("crates/services/src").join(service);
        for operation in operations {
            let file = folder.join(format!("{}.rs", snake_case(operation.name)));
            let text = read(&file);
            let row = format!("const NAME: &'static str = \"{}\";", operation.name);
            assert!(
                text.contains(&row),
                "{} doesn't have {}",
                file.display(),
                operation.name
            );
        }
    }
}

#[test]
fn every_operation_of_the_model_is_answered_or_refused_by_name() {
    let mut names: Vec<&str> = secretsmanager::OPERATIONS
        .iter()
        .map(|operation| operation.name)
        .collect();
    names.extend(
        secretsmanager::ABSENT_OPERATIONS
            .iter()
            .map(|(name, _)| name),
    );
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names.len(),
        23,
        "the service's model has 23 operations: {names:?}"
    );
}

#[test]
fn every_file_says_first_what_it_is_for_and_leaves_nothing_open() {
    let leftovers = ["TO", "FIX", "XX"].map(|start| match start {
        "TO" => format!("{start}DO"),
        "FIX" => format!("{start}ME"),
        _ => format!("{start}X"),
    });
    for file in sources("crates") {
        let text = read(&file);
        assert!(
            text.starts_with("//!"),
            "{} doesn't say what it is for",
            file.display()
        );
        for leftover in &leftovers {
            assert!(
                !text.contains(leftover.as_str()),
                "{} has a {leftover}",
                file.display()
            );
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file_only() {
    for file in sources("crates") {
        let text = read(&file);
        let has_block =
            text.contains("unsafe {") || text.contains("unsafe impl") || text.contains("unsafe fn");
        let reviewed =
            file.ends_with("keys/src/allocator.rs") || file.ends_with("keys/tests/allocator.rs");
        let this = file.ends_with("tests/tidy.rs");
        assert!(
            !has_block || reviewed || this,
            "{} has unsafe code",
            file.display()
        );
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every Rust file below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// An acronym is one word: `ListMFADevices` is `list_mfa_devices`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let is_lower = |at: usize| letters.get(at).is_some_and(|letter| letter.is_lowercase());
        let starts_word = letter.is_uppercase() && index > 0;
        if starts_word && (is_lower(index - 1) || is_lower(index + 1)) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
