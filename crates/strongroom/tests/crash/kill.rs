//! Nothing lost: whatever was acknowledged is there after a SIGKILL, and nothing half-made is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::server::{Folder, block_on, kill};
use super::writer::{Writer, read};
use crate::random::{Random, setting};

const WRITERS: usize = 64;
/// Secrets that all writers write to; new ones each round, so that they have room for versions.
const SHARED: usize = 4;

/// `STRONGROOM_KILLS` says how often the server is killed.
#[test]
fn a_killed_server_has_every_acknowledged_write_and_nothing_half_made() {
    let kills = setting("STRONGROOM_KILLS", 10);
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!(
        "STRONGROOM_SEED={seed} decides what is written and when; the machine decides the rest"
    );
    let mut random = Random::new(seed);
    let folder = Folder::new();
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(number, random.number()))
        .collect();
    for round in 0..kills {
        if random.one_in(8) {
            // While it starts, and recovers from the time before.
            let mut child = folder.spawn();
            std::thread::sleep(Duration::from_millis(random.number() % 60));
            kill(&mut child);
        }
        let server = folder
            .start()
            .unwrap_or_else(|said| panic!("round {round}: {said}"));
        let shared: Vec<String> = (0..SHARED).map(|n| format!("shared-{round}-{n}")).collect();
        let alive = Duration::from_millis(20 + random.number() % 400);
        writers = block_on(async {
            let mut client = server.client().await;
            for name in &shared {
                let body = json!({"Name": name, "ClientRequestToken": name.repeat(4)});
                assert_eq!(
                    client.call("CreateSecret", &body).await.unwrap().status,
                    200
                );
            }
            let mut running = Vec::new();
            for mut writer in writers.drain(..) {
                let (address, shared) = (server.address.clone(), shared.clone());
                running.push(tokio::spawn(async move {
                    writer.write(&address, &shared).await;
                    writer
                }));
            }
            tokio::time::sleep(alive).await;
            server.kill();
            let mut writers = Vec::new();
            for writer in running {
                writers.push(writer.await.unwrap());
            }
            writers
        });
        // Every other time the server itself is the first to open what it left.
        let server = random.one_in(2).then(|| folder.start().unwrap());
        drop(server);
        let secrets = folder
            .secrets()
            .unwrap_or_else(|wrong| panic!("round {round}:\n{wrong}"));
        let by_name: BTreeMap<String, _> = secrets.iter().map(|it| (it.name.clone(), it)).collect();
        for writer in &mut writers {
            if let Err(how) = writer.compare(&by_name) {
                panic!("round {round}: {how}");
            }
        }
        let server = folder.start().unwrap();
        block_on(async {
            let mut client = server.client().await;
            // All that this round left to read in the secrets of all; of the others', some each round.
            for name in &shared {
                let stored: BTreeSet<&str> = by_name[name]
                    .versions
                    .iter()
                    .map(|it| it.id.as_str())
                    .collect();
                let mut written = BTreeSet::new();
                for version in writers
                    .iter()
                    .flat_map(|writer| &writer.shared)
                    .filter(|it| it.name == *name)
                {
                    written.insert(version.version.as_str());
                    if stored.contains(version.version.as_str()) {
                        read(&mut client, name, &version.version, &version.value).await;
                    } else {
                        assert!(
                            !version.acknowledged,
                            "round {round}: {} is lost",
                            version.version
                        );
                    }
                }
                assert!(stored.is_subset(&written));
            }
            for writer in &mut writers {
                if round + 1 == kills || random.one_in(8) {
                    writer.read_all(&mut client).await;
                }
                writer.shared.clear();
            }
            for name in &shared {
                let body = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
                assert_eq!(
                    client.call("DeleteSecret", &body).await.unwrap().status,
                    200
                );
            }
        });
        server.kill();
        let log = folder.log();
        assert!(!log.contains("panicked"), "{log}");
        folder.clear_log();
    }
    let answered: u64 = writers.iter().map(|writer| writer.answered).sum();
    println!("{kills} kills, {answered} acknowledged writes, none lost");
    assert!(answered > 10 * kills);
}
