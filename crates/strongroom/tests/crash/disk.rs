//! A disk that is full, read-only or failing under a running server: writes fail clearly, reads go on, and it recovers
//! by itself.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom::clock::Clock;
use strongroom::edge::{Edge, EdgeCounters, Limits, TrustedProxies, listen};
use strongroom::node::{Assembly, Node};
use strongroom_keys::{Keyring, RootKey, SecretBytes, SystemEntropy};
use strongroom_services::caller::AccountId;
use strongroom_store::embedded::{Disk, Embedded, FileDisk, Options, Room};

use super::server::{ACCOUNT, Folder, REGION, block_on};
use crate::client::{ACCESS_KEY_ID, Answer, Client, SECRET_ACCESS_KEY};
use crate::invariants;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRETS: usize = 40;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// Nothing is left, and writing says so.
    Full,
    ReadOnly,
    /// It can't say what it wrote.
    SyncFails,
}

#[derive(Debug)]
struct TroubledDisk {
    file: FileDisk,
    trouble: Arc<Mutex<Trouble>>,
}

impl TroubledDisk {
    fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap()
    }

    fn writable(&self) -> io::Result<()> {
        match self.trouble() {
            Trouble::Full => Err(io::ErrorKind::StorageFull.into()),
            Trouble::ReadOnly => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            Trouble::None | Trouble::SyncFails => Ok(()),
        }
    }
}

impl Disk for TroubledDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(out, offset)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.writable()?;
        self.file.write_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        match self.trouble() {
            Trouble::SyncFails => Err(io::Error::from_raw_os_error(5)),
            _ => self.file.sync(),
        }
    }

    fn forget_cached(&self) {
        self.file.forget_cached();
    }

    fn room(&self) -> io::Result<Room> {
        let room = self.file.room()?;
        Ok(match self.trouble() {
            Trouble::Full => Room {
                free_bytes: 0,
                ..room
            },
            Trouble::ReadOnly => Room {
                read_only: true,
                ..room
            },
            Trouble::None | Trouble::SyncFails => room,
        })
    }
}

fn name(number: usize) -> String {
    format!("secret-{number}")
}

fn token(number: usize, version: usize) -> String {
    format!("token-{number:010}-{version:020}")
}

async fn fill(client: &mut Client) {
    for number in 0..SECRETS {
        let body = json!({
            "Name": name(number),
            "ClientRequestToken": token(number, 1),
            "SecretString": name(number),
        });
        let created = client.call("CreateSecret", &body).await.unwrap();
        assert_eq!(created.status, 200, "{created:?}");
    }
}

/// Every kind of write; each is of another secret, so that all of them could be carried out.
fn writes() -> Vec<(&'static str, Value)> {
    let put = json!({"SecretId": name(1), "ClientRequestToken": token(1, 2), "SecretString": "x"});
    vec![
        ("PutSecretValue", put),
        (
            "CreateSecret",
            json!({"Name": "new", "ClientRequestToken": token(99, 1), "SecretString": "x"}),
        ),
        (
            "UpdateSecret",
            json!({"SecretId": name(2), "Description": "x"}),
        ),
        (
            "TagResource",
            json!({"SecretId": name(3), "Tags": [{"Key": "k", "Value": "v"}]}),
        ),
        ("DeleteSecret", json!({"SecretId": name(4)})),
    ]
}

fn refused_clearly(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.body["__type"], json!("InternalServiceError"));
    let message = answer.body["Message"].as_str().unwrap();
    assert!(words.iter().any(|word| message.contains(word)), "{message}");
}

/// Secrets `from..`, none of which was read before, so that their access dates are to be written.
async fn reads_go_on(client: &mut Client, from: usize) {
    for number in from..from + 8 {
        let body = json!({"SecretId": name(number)});
        let read = client.call("GetSecretValue", &body).await.unwrap();
        assert_eq!(read.body["SecretString"], json!(name(number)), "{read:?}");
        let described = client.call("DescribeSecret", &body).await.unwrap();
        assert_eq!(described.status, 200, "{described:?}");
    }
    let listed = client.call("ListSecrets", &json!({})).await.unwrap();
    assert_eq!(listed.status, 200, "{listed:?}");
}

/// What can't be recorded isn't answered: neither what is there, nor that something is refused.
async fn nothing_is_told_unrecorded(client: &mut Client, from: usize) {
    for number in from..from + 8 {
        let body = json!({"SecretId": name(number)});
        let read = client.call("GetSecretValue", &body).await.unwrap();
        refused_clearly(&read, &["can't be recorded"]);
        let absent = json!({"SecretId": "there is none"});
        let absent = client.call("DescribeSecret", &absent).await.unwrap();
        refused_clearly(&absent, &["can't be recorded"]);
    }
}

async fn recovers(client: &mut Client, number: usize) {
    let body = json!({"SecretId": name(number), "Description": "after the trouble"});
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client.call("UpdateSecret", &body).await.unwrap();
        if answer.status == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "it does not recover: {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_troubled_disk_fails_writes_and_nothing_else() {
    let temporary = tempfile::tempdir().unwrap();
    let options = Options::new(temporary.path());
    let trouble = Arc::new(Mutex::new(Trouble::None));
    let disk = |file| -> Arc<dyn Disk> {
        let trouble = Arc::clone(&trouble);
        Arc::new(TroubledDisk { file, trouble })
    };
    let store = Arc::new(Embedded::open_on(&options, disk).unwrap());
    block_on(async {
        let node = Node::assemble(Assembly {
            store: store.clone(),
            keyring: Keyring::new(RootKey::generate(&SystemEntropy)),
            entropy: Box::new(SystemEntropy),
            clock: Clock::default(),
            record_cache_bytes: 1 << 20,
            dev: false,
            seal_file: None,
        });
        let node = node.unwrap();
        let secret = SecretBytes::copy_of(SECRET_ACCESS_KEY.as_bytes());
        let account = AccountId::parse(ACCOUNT).unwrap();
        node.set_root_credentials(&account, ACCESS_KEY_ID, secret)
            .await
            .unwrap();
        let edge = Edge {
            application: Arc::clone(&node),
            limits: Limits::default(),
            proxies: TrustedProxies::default(),
            certificates: None,
            counters: Arc::new(EdgeCounters::default()),
        };
        let running = edge
            .start(listen("127.0.0.1:0".parse().unwrap()).unwrap())
            .unwrap();
        let address = running.address().to_string();
        let mut client = Client::connect(&address, REGION).await.unwrap();
        fill(&mut client).await;
        for (number, (now, words)) in [
            (
                Trouble::Full,
                ["The change was not made: the server's disk is full."],
            ),
            (
                Trouble::ReadOnly,
                ["The change was not made: the server's disk can't be written."],
            ),
            (Trouble::SyncFails, ["the server's store failed."]),
        ]
        .into_iter()
        .enumerate()
        {
            *trouble.lock().unwrap() = now;
            for (operation, body) in writes() {
                let answer = client.call(operation, &body).await.unwrap();
                refused_clearly(&answer, &words);
            }
            assert!(node.health().store.is_err(), "{now:?}");
            reads_go_on(&mut client, 10 + 8 * number).await;
            *trouble.lock().unwrap() = Trouble::None;
            recovers(&mut client, 6).await;
            assert!(node.health().store.is_ok(), "{now:?}");
        }
        // What was refused can be done now, and is not half done.
        for (operation, body) in writes() {
            let answer = client.call(operation, &body).await.unwrap();
            assert!(matches!(
                answer.result(),
                Ok(_) | Err("ResourceExistsException" | "InvalidRequestException")
            ));
        }
        running.shut_down().await;
    });
    let secrets = invariants::check(&*store).unwrap();
    assert_eq!(secrets.len(), SECRETS + 1);
}

/// A small disk of its own, where this process may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| SmallDisk(at.to_owned()))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_server_on_a_full_disk_does_nothing_unrecorded_and_recovers() {
    let at = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(at.path()) else {
        println!("this user may not mount a small disk: nothing to see here");
        return;
    };
    let folder = Folder::at(&at.path().join("data"));
    let server = folder.start().unwrap();
    block_on(async {
        let mut client = server.client().await;
        fill(&mut client).await;
        disk.fill();
        for (operation, body) in writes() {
            let answer = client.call(operation, &body).await.unwrap();
            refused_clearly(
                &answer,
                &[
                    "The change was not made: the server's disk is full.",
                    "can't be recorded",
                ],
            );
        }
        nothing_is_told_unrecorded(&mut client, 10).await;
        disk.empty();
        recovers(&mut client, 6).await;
        reads_go_on(&mut client, 10).await;
        disk.fill();
        refused_clearly(
            &client.call("PutSecretValue", &writes()[0].1).await.unwrap(),
            &["disk is full", "can't be recorded"],
        );
    });
    assert!(
        folder.log().contains("free some space on that disk"),
        "{}",
        folder.log()
    );
    server.kill();
    // It starts on a full disk too, and serves as soon as there is room.
    let server = folder.start().unwrap();
    block_on(async {
        let mut client = server.client().await;
        nothing_is_told_unrecorded(&mut client, 20).await;
        disk.empty();
        recovers(&mut client, 7).await;
        reads_go_on(&mut client, 20).await;
    });
    server.kill();
    assert_eq!(folder.secrets().unwrap().len(), SECRETS);
}
