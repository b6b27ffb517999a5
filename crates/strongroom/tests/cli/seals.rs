//! What opens the root key: each kind lost in turn, and what is said about it. The token is SoftHSM's, the other KMS
//! another server of ours.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{Served, ended, run, strongroom};

const MODULES: [&str; 2] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
];
const PASSPHRASE: &str = "correct horse battery staple";

/// A server in production, sealed in every way at once.
struct Sealed {
    folder: tempfile::TempDir,
    other: Served,
    root: (String, String),
}

impl Sealed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::create_dir(at.join("tokens")).unwrap();
        let tokens = format!(
            "directories.tokendir = {}/tokens\nobjectstore.backend = file\n",
            at.display()
        );
        fs::write(at.join("softhsm2.conf"), tokens).unwrap();
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", at.join("softhsm2.conf"))
            .args(["--init-token", "--free", "--label", "safe"])
            .args(["--pin", "123456", "--so-pin", "654321"])
            .output()
            .expect("softhsm2 is installed: scripts/test installs it");
        assert!(made.status.success(), "{made:?}");
        secret_file(&at.join("pin"), "123456\n");
        secret_file(&at.join("passphrase"), PASSPHRASE);

        let mut command = strongroom(&["dev", "--listen", "127.0.0.1:0", "--env-file"]);
        command
            .arg(at.join("kms.env"))
            .arg("--data-dir")
            .arg(at.join("other"));
        let other = Served::start(command);
        let (status, made) = other.call_to(
            ("kms", "TrentService"),
            other.credentials(),
            "us-east-1",
            "CreateKey",
            "{}",
        );
        assert_eq!(status, 200, "{made}");
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let key = made["KeyMetadata"]["KeyId"].as_str().unwrap();
        let sealed = Sealed {
            root: (String::new(), String::new()),
            folder,
            other,
        };
        let kms = sealed.kms(key);
        let all = [sealed.key_file(), sealed.token(), kms, sealed.passphrase()];
        sealed.configure("all", &all.concat());
        for (name, one) in ["key", "token", "kms", "passphrase"].into_iter().zip(&all) {
            sealed.configure(name, one);
        }
        let (status, printed, error) = sealed.ended(&["init", "--json"], "all");
        assert_eq!(status, 0, "{error}");
        let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Sealed {
            root: (text("AccessKeyId"), text("SecretAccessKey")),
            ..sealed
        }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn key_file(&self) -> String {
        format!("key_file = {:?}\n", self.at("root.key"))
    }

    fn passphrase(&self) -> String {
        format!("passphrase_file = {:?}\n", self.at("passphrase"))
    }

    fn token(&self) -> String {
        let module = MODULES.iter().find(|module| Path::new(module).exists());
        let module = module.expect("softhsm2 is installed: scripts/test installs it");
        let pin = self.at("pin");
        format!("pkcs11_module = {module:?}\npkcs11_token = \"safe\"\npkcs11_pin_file = {pin:?}\n")
    }

    fn kms(&self, key: &str) -> String {
        format!(
            "kms_key_id = {key:?}\nkms_region = \"us-east-1\"\nkms_endpoint = {:?}\nkms_credentials_file = {:?}\n",
            self.other.url,
            self.at("kms.env")
        )
    }

    fn configure(&self, name: &str, seal: &str) {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = {:?}\n[log]\nlevel = \"warn\"\n[seal]\nwait_seconds = 2\n{seal}",
            self.at("data")
        );
        fs::write(self.at(&format!("{name}.toml")), text).unwrap();
    }

    fn command(&self, arguments: &[&str], config: &str) -> Command {
        let mut command = strongroom(arguments);
        command.env("SOFTHSM2_CONF", self.at("softhsm2.conf"));
        command.args(["--config", &self.at(&format!("{config}.toml"))]);
        command
    }

    fn ended(&self, arguments: &[&str], config: &str) -> (i32, String, String) {
        ended(self.command(arguments, config))
    }

    fn serve(&self, config: &str) -> Served {
        Served::start(self.command(&["serve"], config))
    }

    /// It serves, and what was stored opens.
    fn assert_serves(&self, config: &str) {
        let mut server = self.serve(config);
        let root = (self.root.0.as_str(), self.root.1.as_str());
        let (status, listed) = server.call(root, "us-east-1", "ListSecrets", "{}");
        assert_eq!(status, 200, "{listed}");
        assert_eq!(server.terminate(), 0);
    }

    /// The start ends with these words.
    fn assert_refused(&self, config: &str, words: &[&str]) {
        let (status, printed, error) = self.ended(&["serve"], config);
        assert!(status == 1 && printed.is_empty(), "{printed}");
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {error}");
        }
    }
}

fn secret_file(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn each_seal_alone_opens_and_each_that_is_lost_is_told_with_what_to_do() {
    let mut sealed = Sealed::new();
    let listed = sealed.ended(&["keys", "seal", "list"], "all").1;
    for kind in [
        "key file",
        "PKCS #11 token (safe, key strongroom)",
        "KMS (",
        "passphrase",
    ] {
        assert!(listed.contains(kind), "{listed}");
    }
    for alone in ["key", "token", "kms", "passphrase"] {
        sealed.assert_serves(alone);
    }
    let seal_file = fs::read(sealed.at("data/seal.json")).unwrap();

    fs::rename(sealed.at("root.key"), sealed.at("lost.key")).unwrap();
    sealed.assert_refused("key", &["root.key: it doesn't exist", "restore it"]);
    secret_file(Path::new(&sealed.at("pin")), "000000\n");
    sealed.assert_refused(
        "token",
        &["the PIN of token \"safe\" is wrong", "tried once"],
    );
    secret_file(
        Path::new(&sealed.at("passphrase")),
        "wrong horse battery staple",
    );
    sealed.assert_refused("passphrase", &["the passphrase is wrong"]);
    // What is left goes on alone.
    sealed.assert_serves("all");

    assert_eq!(sealed.other.terminate(), 0);
    sealed.assert_refused("kms", &["can't be reached", "check that it runs"]);
    sealed.assert_refused(
        "all",
        &["tried:", "key file", "PKCS #11 token", "KMS", "passphrase"],
    );
    let (status, told, _) = sealed.ended(&["doctor"], "all");
    assert!(
        status == 1 && told.matches("fail  seal").count() == 4,
        "{told}"
    );

    fs::rename(sealed.at("tokens"), sealed.at("unplugged")).unwrap();
    fs::create_dir(sealed.at("tokens")).unwrap();
    secret_file(Path::new(&sealed.at("pin")), "123456\n");
    sealed.assert_refused("token", &["there is no token \"safe\"", "plug it in"]);
    fs::remove_dir(sealed.at("tokens")).unwrap();
    fs::rename(sealed.at("unplugged"), sealed.at("tokens")).unwrap();
    sealed.assert_serves("token");
    // Nothing of this changed anything.
    assert_eq!(fs::read(sealed.at("data/seal.json")).unwrap(), seal_file);
}

#[test]
fn a_start_waits_for_another_kms_and_a_token_that_is_gone_stops_nobody() {
    let mut sealed = Sealed::new();
    let address = sealed.other.url.strip_prefix("http://").unwrap().to_owned();
    let credentials = (
        sealed.other.credentials().0.to_owned(),
        sealed.other.credentials().1.to_owned(),
    );
    assert_eq!(sealed.other.terminate(), 0);
    // The other KMS comes back while the start waits.
    let again = std::thread::spawn({
        let (other, address) = (sealed.at("other"), address.clone());
        move || {
            let mut command = strongroom(&["dev", "--listen", &address, "--data-dir", &other]);
            command.env("AWS_ACCESS_KEY_ID", credentials.0);
            command.env("AWS_SECRET_ACCESS_KEY", credentials.1);
            Served::start(command)
        }
    });
    sealed.assert_serves("kms");
    sealed.other = again.join().unwrap();

    let mut server = sealed.serve("token");
    fs::rename(sealed.at("tokens"), sealed.at("unplugged")).unwrap();
    let root = (sealed.root.0.as_str(), sealed.root.1.as_str());
    let create = r#"{"Name":"a","SecretString":"x","ClientRequestToken":"tttttttttttttttttttttttttttttttt"}"#;
    assert_eq!(
        server.call(root, "us-east-1", "CreateSecret", create).0,
        200
    );
    // A new root key for a token that isn't there.
    let (status, told, error) = sealed.ended(&["keys", "rewrap", "--wait"], "token");
    assert!(
        status == 0 && told.contains("rewrap: done"),
        "{told}{error}"
    );
    assert_eq!(server.terminate(), 0);
    fs::rename(sealed.at("unplugged"), sealed.at("tokens")).unwrap();
    for alone in ["token", "key", "kms", "passphrase"] {
        let mut server = sealed.serve(alone);
        let (status, read) =
            server.call(root, "us-east-1", "GetSecretValue", r#"{"SecretId":"a"}"#);
        assert!(status == 200 && read.contains("\"x\""), "{alone}: {read}");
        assert_eq!(server.terminate(), 0);
    }
}

#[test]
fn so_many_shares_open_the_root_key_and_a_drill_proves_it() {
    let sealed = Sealed::new();
    let shares = [
        "keys",
        "seal",
        "shares",
        "--threshold",
        "2",
        "--shares",
        "3",
    ];
    let (status, printed, error) = sealed.ended(&shares, "all");
    assert_eq!(status, 0, "{error}");
    let shares: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.split('-').count() == 10)
        .collect();
    assert_eq!(shares.len(), 3, "{printed}");
    let file = sealed.at("shares");
    sealed.configure("shares", &format!("shares_file = {file:?}\n"));
    let with = |text: String| {
        secret_file(Path::new(&file), &text);
        sealed.ended(&["keys", "seal", "drill"], "shares")
    };
    let (status, told, _) = with(format!("{}\n{}\n", shares[2], shares[0]));
    assert!(
        status == 0 && told.contains("ok      2 recovery shares"),
        "{told}"
    );
    sealed.assert_serves("shares");
    let (status, told, _) = with(format!("{}\n", shares[1]));
    assert!(
        status == 1 && told.contains("1 shares are there, 2 are needed"),
        "{told}"
    );
    // Group 3 of 10.
    let other = if &shares[1][20..21] == "7" { "8" } else { "7" };
    let mistyped = format!("{}{other}{}", &shares[1][..20], &shares[1][21..]);
    let (status, told, _) = with(format!("{mistyped}\n{}\n", shares[0]));
    assert!(
        status == 1 && told.contains("group 3 of 10 is mistyped"),
        "{told}"
    );
}

#[test]
fn seals_are_added_and_removed_but_never_the_last_one() {
    let sealed = Sealed::new();
    let names = || -> Vec<String> {
        let listed = sealed.ended(&["keys", "seal", "list"], "key").1;
        listed
            .lines()
            .map(|line| line.split("  ").next().unwrap().to_owned())
            .collect()
    };
    let new = sealed.at("second.key");
    let (status, _, error) = sealed.ended(&["keys", "seal", "add", "--key-file", &new], "key");
    assert_eq!(status, 0, "{error}");
    sealed.configure("second", &format!("key_file = {new:?}\n"));
    for name in &names()[..4] {
        let (status, told, error) = sealed.ended(&["keys", "seal", "remove", name], "second");
        assert_eq!(status, 0, "{error}");
        assert!(told.contains("strongroom keys rewrap"), "{told}");
    }
    sealed.assert_refused("key", &["belongs to another root key"]);
    sealed.assert_serves("second");
    let (status, _, error) = sealed.ended(&["keys", "seal", "remove", &names()[0]], "second");
    assert!(
        status == 1 && error.contains("the last one can't be removed"),
        "{error}"
    );
}

#[test]
fn an_older_seal_file_is_noticed_and_refused() {
    let sealed = Sealed::new();
    let older = fs::read(sealed.at("data/seal.json")).unwrap();
    let mut server = sealed.serve("key");
    assert_eq!(sealed.ended(&["keys", "rewrap", "--wait"], "key").0, 0);
    assert_eq!(server.terminate(), 0);
    let newer = fs::read(sealed.at("data/seal.json")).unwrap();
    fs::write(sealed.at("data/seal.json"), older).unwrap();
    sealed.assert_refused(
        "key",
        &["was last sealed under root key", "put the seal file back"],
    );
    fs::write(sealed.at("data/seal.json"), newer).unwrap();
    sealed.assert_serves("key");
    let (status, _, _) = run(&["keys", "seal", "list", "--data-dir", &sealed.at("data")]);
    assert_eq!(status, 0);
}
