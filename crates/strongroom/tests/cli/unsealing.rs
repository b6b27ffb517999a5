//! What else a start does with what opens the root key: sources that are broken, wrong or changed, each beside others.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Served, ended, strongroom};
use crate::client::{ACCESS_KEY_ID, Client, SECRET_ACCESS_KEY};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "271828";
const WRONG_PIN: &str = "314159";
const REGION: &str = "us-east-1";

/// A server for production, stopped, and what opens it.
struct Place {
    folder: tempfile::TempDir,
    seal: Vec<String>,
    root: (String, String),
}

impl Place {
    /// Initialised with these lines under `[seal]`.
    fn init(folder: tempfile::TempDir, seal: &[&str]) -> Self {
        let mut place = Place {
            folder,
            seal: Vec::new(),
            root: Default::default(),
        };
        place.configure(seal);
        let (status, printed, error) = place.run(&["init", "--json"]);
        assert_eq!(status, 0, "{error}");
        let made: Value = serde_json::from_str(&printed).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        place.root = (text("AccessKeyId"), text("SecretAccessKey"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&mut self, seal: &[&str]) {
        self.seal = seal.iter().map(ToString::to_string).collect();
        let folder = self.folder.path().display();
        let seal = self.seal.join("\n").replace("FOLDER", &folder.to_string());
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = \"{folder}/data\"\n[seal]\n{seal}\n[log]\nlevel = \"warn\"\n"
        );
        fs::write(self.path("strongroom.toml"), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = strongroom(arguments);
        command
            .arg("--config")
            .arg(self.path("strongroom.toml"))
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"));
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        ended(self.command(arguments))
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (status, printed, error) = self.run(arguments);
        assert_eq!(status, 0, "{arguments:?}: {printed}{error}");
        printed
    }

    fn serve(&self) -> Served {
        Served::start(self.command(&["serve"]))
    }

    /// It starts, and answers.
    fn serves(&self) {
        let mut server = self.serve();
        self.answers(&server);
        assert_eq!(server.terminate(), 0);
    }

    fn answers(&self, server: &Served) {
        let root = (self.root.0.as_str(), self.root.1.as_str());
        let (status, body) = server.call(root, REGION, "ListSecrets", "{}");
        assert_eq!(status, 200, "{body}");
    }

    /// It doesn't start, and says all of this.
    fn stays_sealed(&self, expected: &[&str]) {
        let before = fs::read(self.path("data/seal.json")).unwrap();
        let (status, _, error) = self.run(&["serve"]);
        assert_eq!(status, 1, "{error}");
        for text in expected {
            assert!(error.contains(text), "{text:?} is not in: {error}");
        }
        assert_eq!(fs::read(self.path("data/seal.json")).unwrap(), before);
    }

    fn hide(&self, name: &str) {
        fs::rename(self.path(name), self.path(&format!("hidden-{name}"))).unwrap();
    }

    fn put_back(&self, name: &str) {
        fs::rename(self.path(&format!("hidden-{name}")), self.path(name)).unwrap();
    }
}

/// A folder with a token in software; `scripts/test` installs `SoftHSM`.
fn folder_with_token() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let conf = folder.path().join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\n", tokens.display());
    fs::write(&conf, text).unwrap();
    fs::write(folder.path().join("pin"), PIN).unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "safe", "--so-pin"])
        .args(["161803", "--pin", PIN])
        .env("SOFTHSM2_CONF", conf)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    folder
}

const KEY_FILE: &str = "key_file = \"FOLDER/root.key\"";
const TOKEN: &str = "pkcs11_module = \"/usr/lib/softhsm/libsofthsm2.so\"\npkcs11_token = \"safe\"\npkcs11_pin_file = \"FOLDER/pin\"\nwait_seconds = 1";

#[test]
fn a_wrong_pin_is_tried_once() {
    let mut place = Place::init(folder_with_token(), &[KEY_FILE, TOKEN]);
    let flags = |place: &Place| {
        let shown = Command::new("softhsm2-util")
            .arg("--show-slots")
            .env("SOFTHSM2_CONF", place.path("softhsm2.conf"))
            .output()
            .unwrap();
        String::from_utf8(shown.stdout).unwrap()
    };
    // Two seals of the token: the PIN is wrong for both, and tried for one.
    place.done(&["keys", "seal", "add", "--pkcs11"]);
    fs::write(place.path("pin"), WRONG_PIN).unwrap();
    place.serves();
    place.hide("root.key");
    place.configure(&[KEY_FILE, &TOKEN.replace("= 1", "= 5")]);
    let began = std::time::Instant::now();
    place.stays_sealed(&["the PIN of token \"safe\" is wrong; it was tried once"]);
    assert!(
        began.elapsed().as_secs() < 5,
        "a wrong PIN isn't waited for"
    );
    let shown = flags(&place);
    assert!(!shown.to_lowercase().contains("locked"), "{shown}");
    fs::write(place.path("pin"), PIN).unwrap();
    place.serves();

    let elsewhere = TOKEN.replace(MODULE, "/nowhere.so");
    place.configure(&[KEY_FILE, &elsewhere]);
    place.stays_sealed(&["the PKCS #11 module /nowhere.so can't be loaded"]);
    let other_key = format!("{TOKEN}\npkcs11_key = \"other\"");
    place.configure(&[KEY_FILE, &other_key]);
    place.stays_sealed(&["has no key \"other\""]);
    fs::remove_file(place.path("pin")).unwrap();
    place.configure(&[KEY_FILE, TOKEN]);
    place.stays_sealed(&["seal.pkcs11_pin_file", "doesn't exist"]);
    place.put_back("root.key");
    place.serves();
}

/// Another Strongroom, whose KMS opens the root key.
struct OtherKms {
    data: tempfile::TempDir,
    address: String,
}

impl OtherKms {
    fn start(&self) -> Served {
        let mut command = strongroom(&["dev", "--log-level", "warn", "--listen", &self.address]);
        command
            .arg("--data-dir")
            .arg(self.data.path())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        Served::start(command)
    }

    fn ask(&self, operation: &str, body: &Value) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut client = Client::of_kms(&self.address, REGION).await.unwrap();
            let answer = client.call(operation, body).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.body
        })
    }
}

#[test]
fn another_kms_that_refuses_or_is_down_is_told_and_keeps_no_other_seal_waiting() {
    // A port that was free a moment ago, so that it can come back on the same one.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let data = tempfile::tempdir().unwrap();
    let other = OtherKms { data, address };
    let mut kms = other.start();
    let made = other.ask("CreateKey", &json!({}));
    let key_id = made["KeyMetadata"]["KeyId"].as_str().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let credentials =
        format!("AWS_ACCESS_KEY_ID={ACCESS_KEY_ID}\nAWS_SECRET_ACCESS_KEY='{SECRET_ACCESS_KEY}'\n");
    fs::write(folder.path().join("credentials"), credentials).unwrap();
    let seal = |wait: u32| {
        format!(
            "kms_key_id = \"{key_id}\"\nkms_region = \"{REGION}\"\nkms_endpoint = \"http://{}\"\nkms_credentials_file = \"FOLDER/credentials\"\nwait_seconds = {wait}",
            other.address
        )
    };
    let mut place = Place::init(folder, &[&seal(0)]);
    place.serves();

    other.ask("DisableKey", &json!({ "KeyId": key_id }));
    place.stays_sealed(&["DisabledException", "the key's state"]);
    other.ask("EnableKey", &json!({ "KeyId": key_id }));
    place.serves();

    // Down: with another seal that is none of its business, alone it is told, or waited for.
    place.done(&["keys", "seal", "add", "--key-file", &key_file(&place)]);
    assert_eq!(kms.terminate(), 0);
    place.stays_sealed(&["can't be reached"]);
    place.configure(&[KEY_FILE, &seal(60)]);
    let began = std::time::Instant::now();
    place.serves();
    assert!(
        began.elapsed().as_secs() < 30,
        "one seal waits for the other"
    );
    place.configure(&[&seal(0)]);
    fs::remove_file(place.path("credentials")).unwrap();
    place.stays_sealed(&["seal.kms_credentials_file"]);
}

fn key_file(place: &Place) -> String {
    place.path("root.key").display().to_string()
}

#[test]
fn so_many_shares_open_the_root_key_and_fewer_or_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::init(folder, &[KEY_FILE]);
    let split = |place: &Place| -> Vec<String> {
        let printed = place.done(&[
            "keys",
            "seal",
            "shares",
            "--threshold",
            "2",
            "--shares",
            "3",
        ]);
        let is_share = |line: &&str| line.starts_with("  ") && line.contains('-');
        let shares = printed.lines().filter(is_share);
        shares.map(|line| line.trim().to_owned()).collect()
    };
    let (shares, others) = (split(&place), split(&place));
    assert_eq!((shares.len(), others.len()), (3, 3));
    // A new root key opens with the shares that were handed out before it.
    place.done(&["keys", "rewrap", "--offline"]);
    place.hide("root.key");
    place.configure(&[KEY_FILE, "shares_file = \"FOLDER/shares\""]);
    let enter = |lines: &[&str]| fs::write(place.path("shares"), lines.join("\n")).unwrap();
    enter(&[&shares[2], &shares[0]]);
    place.serves();
    enter(&[&others[1].to_lowercase().replace('-', " "), &others[2]]);
    place.serves();
    enter(&[&shares[1]]);
    place.stays_sealed(&["1 shares are there, 2 are needed"]);
    enter(&[&shares[1], &shares[1]]);
    place.stays_sealed(&["share 2 was given twice"]);
    enter(&[&shares[1], &others[2]]);
    place.stays_sealed(&["share 3 is of another set"]);
    let mut groups: Vec<&str> = shares[1].split('-').collect();
    let wrong = if groups[2].ends_with('7') { "8" } else { "7" };
    let third = format!("{}{wrong}", &groups[2][..7]);
    groups[2] = &third;
    enter(&[&shares[0], &groups.join("-")]);
    place.stays_sealed(&["line 2: group 3 of 10 is mistyped"]);
}

#[test]
fn a_source_that_is_broken_is_no_reason_not_to_start_while_another_works() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("passphrase"),
        "correct horse battery staple\n",
    )
    .unwrap();
    let by_passphrase = "passphrase_file = \"FOLDER/passphrase\"";
    let mut place = Place::init(folder, &[by_passphrase]);
    place.configure(&[
        by_passphrase,
        "systemd_credential = \"root-key\"",
        "shares_file = \"FOLDER/nowhere\"",
    ]);
    place.serves();
    let (status, told, _) = place.run(&["doctor"]);
    assert!(
        status == 0 && told.matches("warn  seal").count() == 2,
        "{told}"
    );
    fs::write(place.path("passphrase"), "incorrect horse battery\n").unwrap();
    place.stays_sealed(&[
        "passphrase is wrong",
        "$CREDENTIALS_DIRECTORY",
        "seal.shares_file",
    ]);
}

#[test]
fn a_changed_seal_file_is_refused_wherever_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::init(folder, &[KEY_FILE]);
    let path = place.path("data/seal.json");
    place.done(&["keys", "rewrap", "--offline"]);
    let newer = fs::read_to_string(&path).unwrap();
    place.serves();
    // What stands before it is a remark for people.
    let from = newer.find("\"format\"").unwrap();
    for at in (from..newer.len()).step_by(701) {
        let mut changed = newer.clone().into_bytes();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        place.stays_sealed(&["seal file", "data/seal.json", "restore it from a backup"]);
    }
    fs::write(&path, newer).unwrap();
    place.serves();
}
