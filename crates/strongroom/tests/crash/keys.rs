//! A new root key, fresh data keys and backups while the server serves, each broken off at any moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use strongroom::admin::{self, KeysStatus};
use strongroom_keys::SystemEntropy;
use strongroom_keys::seal::SealFile;
use strongroom_services::records::Key;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{Range, Store as _};

use super::server::{Folder, REGION, Server, block_on, kill};
use super::writer::Writer;
use crate::cli::strongroom;
use crate::client::Client;
use crate::invariants;
use crate::random::{Random, setting};
use strongroom::backup::age::Identity;

const WRITERS: usize = 16;
/// Secrets that are there from the beginning, so that jobs take a while.
const SECRETS: usize = 150;
/// Things under the root key, so that sealing them anew takes a while too.
const KMS_KEYS: usize = 30;

/// `STRONGROOM_KEY_KILLS` says how often the server is killed while it renews keys.
#[test]
fn a_renewal_of_keys_that_is_killed_goes_on_and_loses_nothing() {
    let kills = setting("STRONGROOM_KEY_KILLS", 5);
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!(
        "STRONGROOM_SEED={seed} decides what is written and when; the machine decides the rest"
    );
    let mut random = Random::new(seed);
    let folder = Folder::new();
    let mut writers = writers(&mut random);
    fill(&folder.start().unwrap());
    let mut root_keys = vec![root_key(&folder)];
    let mut in_the_midst = 0;
    for round in 0..kills {
        let server = folder
            .start()
            .unwrap_or_else(|said| panic!("round {round}: {said}"));
        let alive = Duration::from_micros(random.number() % 150_000);
        let data = folder.data.clone();
        writers = write_until(server, writers, async move {
            // Where the round before left a job unfinished, it runs already.
            let _ = asked(&data, "/keys/rewrap").await;
            let _ = asked(&data, "/keys/rotate-data-keys").await;
            tokio::time::sleep(alive).await;
        });
        reconcile(&folder, &mut writers, round);
        let sealed = SealFile::read(&folder.data.join("seal.json")).unwrap();
        in_the_midst += usize::from(!sealed.retiring_ids().is_empty());
        let server = folder
            .start()
            .unwrap_or_else(|said| panic!("round {round}: {said}"));
        let status = settled(&folder);
        assert!(
            status.retiring_root_key_ids.is_empty(),
            "round {round}: {status:?}"
        );
        for job in &status.jobs {
            assert_eq!(job.failed, 0, "round {round}: {:?}", job.problems);
        }
        compare(&server, &mut writers, &folder, round);
        root_keys.push(root_key(&folder));
    }
    root_keys.dedup();
    println!(
        "{kills} kills, {in_the_midst} of them between two root keys; {} root keys",
        root_keys.len()
    );
    assert!(kills < 20 || in_the_midst > 0, "no kill was in the midst");
    assert!(root_keys.len() > 1, "no root key was ever renewed");
}

/// `STRONGROOM_BACKUP_KILLS` says how often a backup and a restore are killed.
#[test]
fn a_backup_is_one_instant_and_what_is_killed_leaves_nothing_half() {
    let kills = setting("STRONGROOM_BACKUP_KILLS", 5);
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!(
        "STRONGROOM_SEED={seed} decides what is written and when; the machine decides the rest"
    );
    let mut random = Random::new(seed);
    let folder = Folder::new();
    let mut writers = writers(&mut random);
    let place = tempfile::tempdir().unwrap();
    let identity = Identity::generate(&SystemEntropy);
    let identity_file = place.path().join("identity.txt");
    std::fs::write(&identity_file, identity.to_text().unwrap().expose()).unwrap();
    let recipient = identity.recipient().unwrap().to_string();
    fill(&folder.start().unwrap());
    for round in 0..kills {
        let server = folder.start().unwrap();
        let (data, recipient) = (folder.data.clone(), recipient.clone());
        let half = place.path().join(format!("half-{round}.age"));
        let whole = place.path().join(format!("whole-{round}.age"));
        let pause = Duration::from_micros(random.number() % 60_000);
        let (half_made, whole_made) = (half.clone(), whole.clone());
        writers = write_until(server, writers, async move {
            tokio::task::spawn_blocking(move || {
                let mut child = backup(&data, &half_made, &recipient);
                std::thread::sleep(pause);
                kill(&mut child);
                assert!(
                    backup(&data, &whole_made, &recipient)
                        .wait()
                        .unwrap()
                        .success()
                );
            })
            .await
            .unwrap();
        });
        reconcile(&folder, &mut writers, round);
        for made in [&half, &whole].into_iter().filter(|path| path.exists()) {
            let copy = place.path().join(format!("copy-{round}"));
            restore(made, &identity_file, &copy, Some(pause / 2));
            if copy.exists() {
                // Killed too late: then it is whole.
                assert_restored(&copy);
                std::fs::remove_dir_all(&copy).unwrap();
            }
            restore(made, &identity_file, &copy, None);
            assert_restored(&copy);
            std::fs::remove_dir_all(&copy).unwrap();
        }
        // Nobody writes now: the copy is the original.
        let last = place.path().join(format!("last-{round}.age"));
        assert!(
            backup(
                &folder.data,
                &last,
                &identity.recipient().unwrap().to_string()
            )
            .wait()
            .unwrap()
            .success()
        );
        let copy = place.path().join("copy");
        restore(&last, &identity_file, &copy, None);
        assert_eq!(records(&copy), records(&folder.data), "round {round}");
        std::fs::remove_dir_all(&copy).unwrap();
    }
}

fn writers(random: &mut Random) -> Vec<Writer> {
    (0..WRITERS)
        .map(|number| Writer::new(number, random.number()))
        .collect()
}

/// Writes until something else is done, then kills the server.
fn write_until(
    server: Server,
    mut writers: Vec<Writer>,
    done: impl Future<Output = ()>,
) -> Vec<Writer> {
    block_on(async {
        let mut running = Vec::new();
        for mut writer in writers.drain(..) {
            let address = server.address.clone();
            running.push(tokio::spawn(async move {
                let shared = ["filler-0".to_owned(), "filler-1".to_owned()];
                writer.write(&address, &shared).await;
                writer
            }));
        }
        done.await;
        server.kill();
        for writer in running {
            writers.push(writer.await.unwrap());
        }
        writers
    })
}

fn fill(server: &Server) {
    block_on(async {
        let mut client = server.client().await;
        for number in 0..SECRETS {
            let token = format!("token-{number:0>30}");
            let body = json!({"Name": format!("filler-{number}"), "ClientRequestToken": token,
                "SecretString": format!("value {number}")});
            assert_eq!(
                client.call("CreateSecret", &body).await.unwrap().status,
                200
            );
        }
        let mut client = Client::of_kms(&server.address, REGION).await.unwrap();
        for _ in 0..KMS_KEYS {
            let made = client.call("CreateKey", &json!({})).await.unwrap();
            assert_eq!(made.status, 200, "{made:?}");
        }
    });
}

async fn asked(data: &Path, route: &'static str) -> Result<Value, admin::AdminError> {
    let socket = data.join(admin::SOCKET_NAME);
    admin::ask(&socket, Method::POST, route, b"{}".to_vec()).await
}

/// The records fit together, and every acknowledged write is among them.
fn reconcile(folder: &Folder, writers: &mut [Writer], round: u64) {
    let secrets = folder
        .secrets()
        .unwrap_or_else(|wrong| panic!("round {round}:\n{wrong}"));
    let by_name: BTreeMap<String, _> = secrets.iter().map(|it| (it.name.clone(), it)).collect();
    for writer in writers {
        if let Err(how) = writer.compare(&by_name) {
            panic!("round {round}: {how}");
        }
    }
}

/// The state once no job runs.
fn settled(folder: &Folder) -> KeysStatus {
    let socket = folder.data.join(admin::SOCKET_NAME);
    block_on(async {
        loop {
            let status: KeysStatus = admin::ask(&socket, Method::GET, "/keys", Vec::new())
                .await
                .unwrap();
            if status.jobs.iter().all(|job| job.finished && !job.running) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

fn root_key(folder: &Folder) -> String {
    let text = std::fs::read_to_string(folder.data.join("seal.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["root_key_id"].as_str().unwrap().to_owned()
}

/// Everything that was acknowledged is there and opens.
fn compare(server: &Server, writers: &mut [Writer], folder: &Folder, round: u64) {
    block_on(async {
        let mut client = server.client().await;
        for number in 0..SECRETS {
            let body = json!({"SecretId": format!("filler-{number}")});
            let answer = client.call("GetSecretValue", &body).await.unwrap();
            assert_eq!(
                answer.status,
                200,
                "round {round}: {answer:?}\n{}",
                folder.log()
            );
            if number > 1 {
                let value = answer.body["SecretString"].as_str().unwrap();
                assert_eq!(value, format!("value {number}"));
            }
        }
        for writer in writers.iter_mut() {
            writer.read_all(&mut client).await;
            for version in std::mem::take(&mut writer.shared) {
                if version.acknowledged {
                    let body = json!({"SecretId": version.name, "VersionId": version.version});
                    let answer = client.call("GetSecretValue", &body).await.unwrap();
                    // Old versions without labels go once there are too many.
                    if answer.status == 200 {
                        assert_eq!(answer.body["SecretString"], version.value.as_str());
                    } else {
                        assert_eq!(answer.result().unwrap_err(), "ResourceNotFoundException");
                    }
                }
            }
        }
    });
}

fn backup(data: &Path, output: &Path, recipient: &str) -> Child {
    quiet(strongroom(&["backup", "--recipient", recipient]))
        .arg("--data-dir")
        .arg(data)
        .arg("--output")
        .arg(output)
        .spawn()
        .unwrap()
}

/// Restores; killed after a while where that is asked for.
fn restore(file: &Path, identity: &Path, folder: &Path, killed_after: Option<Duration>) {
    let mut child = quiet(strongroom(&["restore"]))
        .arg(file)
        .arg("--identity")
        .arg(identity)
        .arg("--data-dir")
        .arg(folder)
        .spawn()
        .unwrap();
    match killed_after {
        Some(pause) => {
            std::thread::sleep(pause);
            kill(&mut child);
        }
        None => assert!(child.wait().unwrap().success()),
    }
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// A restored folder is consistent: one instant of the original.
fn assert_restored(folder: &Path) {
    let store = Embedded::open(&Options::new(folder)).unwrap();
    let secrets = invariants::check(&store).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(secrets.len() >= SECRETS);
    store.close();
}

/// But for those of the audit log, which is each folder's own.
fn records(folder: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let store = Embedded::open(&Options::new(folder)).unwrap();
    let mut records = BTreeMap::new();
    store
        .snapshot()
        .unwrap()
        .range(&Range::all(), &mut |entry| {
            if !entry.key.starts_with(Key::all_of_audit().as_bytes()) {
                records.insert(entry.key.to_vec(), entry.value.to_vec());
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    store.close();
    records
}
