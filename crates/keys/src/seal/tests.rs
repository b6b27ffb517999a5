//! What opens the root key and what doesn't, with what is said about it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::SeededEntropy;

const PASSPHRASE: &str = "correct horse battery staple";

fn passphrase(text: &str) -> SealSource {
    SealSource::Passphrase(SecretBytes::copy_of(text.as_bytes()))
}

fn credential(directory: &Path, name: &str) -> SealSource {
    SealSource::SystemdCredential {
        directory: directory.to_owned(),
        name: name.to_owned(),
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What the only source says that failed.
fn complaint(file: &SealFile, source: SealSource) -> String {
    let error = unseal(file, &[source]).expect_err("the root key stays sealed");
    assert_eq!(error.attempts.len(), 1);
    error.attempts[0].problem.to_string()
}

/// A folder with a root key sealed by a key file, a passphrase and a credential at once.
struct Sealed3 {
    folder: tempfile::TempDir,
    root: RootKey,
    file: SealFile,
}

impl Sealed3 {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = "dGhlIGtleSBpbiB0aGUgY3JlZGVudGlhbCBvZiBhIHU=\n";
        fs::write(folder.path().join("credential"), key).unwrap();
        let sources = [
            SealSource::KeyFile(folder.path().join("root.key")),
            passphrase(PASSPHRASE),
            credential(folder.path(), "credential"),
        ];
        let (root, file) = create(&sources, &SeededEntropy::new(1)).unwrap();
        let file = SealFile::parse(&file.to_text()).unwrap();
        Self { folder, root, file }
    }

    fn key_file(&self) -> SealSource {
        SealSource::KeyFile(self.folder.path().join("root.key"))
    }

    fn assert_opens(&self, source: SealSource) {
        let name = source.to_string();
        let root = unseal(&self.file, &[source]).expect(&name);
        assert!(root.root.bytes().matches(self.root.bytes()), "{name}");
    }
}

#[test]
fn any_one_of_the_seals_opens_the_root_key() {
    let sealed = Sealed3::new();
    assert_eq!(
        sealed.file.kinds(),
        ["key file", "passphrase", "systemd credential"]
    );
    assert_eq!(sealed.file.root_key_id(), sealed.root.id());
    sealed.assert_opens(sealed.key_file());
    sealed.assert_opens(credential(sealed.folder.path(), "credential"));
    sealed.assert_opens(passphrase(PASSPHRASE));
    // A line end that an editor or `echo` has added is no part of it.
    sealed.assert_opens(passphrase(&format!("{PASSPHRASE}\r\n")));
}

#[test]
fn the_first_source_that_opens_is_enough() {
    let sealed = Sealed3::new();
    let sources = [
        SealSource::KeyFile("/nonexistent".into()),
        sealed.key_file(),
    ];
    assert_eq!(
        unseal(&sealed.file, &sources).unwrap().root.id(),
        sealed.root.id()
    );
}

#[test]
fn a_key_may_move_from_a_key_file_to_a_credential() {
    let sealed = Sealed3::new();
    sealed.assert_opens(credential(sealed.folder.path(), "root.key"));
}

#[test]
fn a_wrong_passphrase_is_called_wrong() {
    let sealed = Sealed3::new();
    for wrong in [
        "correct horse battery stable",
        "",
        "Correct horse battery staple",
    ] {
        assert_eq!(
            complaint(&sealed.file, passphrase(wrong)),
            "the passphrase is wrong; check capitals and keyboard layout, and try again"
        );
    }
}

#[test]
fn a_key_of_another_root_key_is_called_so() {
    let (sealed, other) = (Sealed3::new(), tempfile::tempdir().unwrap());
    let key_file = || SealSource::KeyFile(other.path().join("root.key"));
    create(&[key_file()], &SeededEntropy::new(2)).unwrap();
    assert_eq!(
        complaint(&sealed.file, key_file()),
        "this key belongs to another root key; use the key that was made together with this data, \
         or the data that belongs to this key"
    );
}

#[test]
fn a_source_without_its_kind_of_seal_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = || SealSource::KeyFile(folder.path().join("root.key"));
    let (_, by_key) = create(&[key_file()], &SeededEntropy::new(1)).unwrap();
    let (_, by_passphrase) = create(&[passphrase(PASSPHRASE)], &SeededEntropy::new(1)).unwrap();
    for (file, source) in [
        (by_key, passphrase(PASSPHRASE)),
        (by_passphrase, key_file()),
    ] {
        assert_eq!(
            complaint(&file, source),
            "the seal file has no seal of this kind; use one that it has"
        );
    }
}

#[test]
fn the_error_names_each_source_and_the_kinds_of_seals() {
    let sealed = Sealed3::new();
    let seals = "key file, passphrase, systemd credential";
    let none = unseal(&sealed.file, &[]).unwrap_err();
    assert_eq!(
        none.to_string(),
        format!("the root key is sealed; give one of: {seals}")
    );

    let missing = || SealSource::KeyFile("/nonexistent/key".into());
    let why = "it doesn't exist; restore it from where you keep a copy, or correct the path";
    let one = unseal(&sealed.file, &[missing()]).unwrap_err();
    assert_eq!(
        one.to_string(),
        format!(
            "the root key stays sealed: key file /nonexistent/key: {why} (sealed with: {seals})"
        )
    );
    let two = unseal(
        &sealed.file,
        &[missing(), credential("/nonexistent".as_ref(), "c")],
    );
    assert_eq!(
        two.unwrap_err().to_string(),
        format!(
            "the root key stays sealed (with: {seals}); tried:\n\
             - key file /nonexistent/key: {why}\n\
             - systemd credential \"c\": {why}"
        )
    );
}

#[test]
fn a_new_key_file_is_for_its_owner_only_and_holds_32_bytes_as_base64() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("root.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!((text.len(), text.ends_with("=\n")), (45, true));
}

#[test]
fn an_existing_key_file_is_used_and_not_changed() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("root.key");
    let before = fs::read(&path).unwrap();
    let (root, file) = create(&[sealed.key_file()], &SeededEntropy::new(2)).unwrap();
    assert_ne!(root.id(), sealed.root.id());
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(
        unseal(&file, &[sealed.key_file()]).unwrap().root.id(),
        root.id()
    );
}

#[test]
fn a_key_file_that_others_can_use_is_refused() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("root.key");
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777] {
        set_mode(&path, mode);
        assert_eq!(
            complaint(&sealed.file, sealed.key_file()),
            format!(
                "its mode is {mode:o}, so others than its owner can use it; run 'chmod 600' on it, \
                 and consider who could have read it until now"
            )
        );
        assert!(create(&[sealed.key_file()], &SeededEntropy::new(2)).is_err());
    }
    for mode in [0o400, 0o600, 0o700] {
        set_mode(&path, mode);
        sealed.assert_opens(sealed.key_file());
    }
}

#[test]
fn a_key_file_of_another_user_is_refused() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("root.key");
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give a file away.
    }
    std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
    assert_eq!(
        complaint(&sealed.file, sealed.key_file()),
        "user 12345 owns it, but the server runs as user 0; run 'chown 0' on it"
    );
}

#[test]
fn only_a_regular_file_holds_a_key_though_a_link_may_lead_to_it() {
    let sealed = Sealed3::new();
    let at = |name: &str| sealed.folder.path().join(name);
    symlink("root.key", at("link")).unwrap();
    sealed.assert_opens(SealSource::KeyFile(at("link")));

    fs::create_dir(at("folder")).unwrap();
    let pipe = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), pipe, 0o600.into(), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    symlink("/dev/zero", at("to-device")).unwrap();
    symlink("pipe", at("to-pipe")).unwrap();
    for name in ["folder", "pipe", "socket", "to-device", "to-pipe"] {
        for source in [
            SealSource::KeyFile(at(name)),
            credential(sealed.folder.path(), name),
        ] {
            assert_eq!(
                complaint(&sealed.file, source),
                "it isn't a regular file; name the file itself",
                "{name}"
            );
        }
    }
    symlink("nowhere", at("dangling")).unwrap();
    let dangling = || SealSource::KeyFile(at("dangling"));
    assert!(complaint(&sealed.file, dangling()).starts_with("it doesn't exist"));
    assert!(create(&[dangling()], &SeededEntropy::new(2)).is_err());
    assert!(!at("nowhere").exists());
}

#[test]
fn a_key_file_with_anything_else_in_it_is_refused() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("root.key");
    let key = fs::read_to_string(&path).unwrap();
    let key = key.trim();
    for good in [
        key.to_owned(),
        format!("{key}\r\n"),
        format!("\n {key} \n\n"),
    ] {
        fs::write(&path, good).unwrap();
        sealed.assert_opens(sealed.key_file());
    }
    for bad in [
        String::new(),
        "\n".into(),
        key[..43].into(),
        key[4..].into(),
        format!("{key}{key}"),
        format!("A{key}"),
        key.replace('=', "A"),
        key.replacen(&key[5..6], "-", 1),
        key.replacen(&key[5..6], " ", 1),
        "x".repeat(100_000),
    ] {
        fs::write(&path, &bad).unwrap();
        assert_eq!(
            complaint(&sealed.file, sealed.key_file()),
            "it doesn't hold a key, which is 32 bytes as base64 (44 characters), such as \
             'openssl rand -base64 32' prints",
            "{bad:?}"
        );
        assert!(create(&[sealed.key_file()], &SeededEntropy::new(2)).is_err());
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            bad,
            "it was left as it was"
        );
    }
}

#[test]
fn a_credential_is_a_file_in_its_directory_whatever_its_mode() {
    let sealed = Sealed3::new();
    set_mode(&sealed.folder.path().join("credential"), 0o440);
    sealed.assert_opens(credential(sealed.folder.path(), "credential"));
    for name in ["", ".", "..", "../credential", "/etc/passwd", "a/b"] {
        assert_eq!(
            complaint(&sealed.file, credential(sealed.folder.path(), name)),
            "a credential's name is the name of a file, without a folder",
            "{name:?}"
        );
    }
}

#[test]
fn a_short_passphrase_is_refused_before_anything_is_sealed() {
    for (short, characters) in [
        ("", 0),
        ("\n", 0),
        ("14 characters!\n", 14),
        ("vierzehn Ümläü", 14),
    ] {
        let refused = create(&[passphrase(short)], &SeededEntropy::new(1)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "passphrase: a passphrase of {characters} characters can be guessed; use at least \
                 15, such as five random words"
            )
        );
    }
    assert!(create(&[passphrase("15 characters!!")], &SeededEntropy::new(1)).is_ok());
}

#[test]
fn a_root_key_needs_at_least_one_seal_and_not_too_many() {
    let folder = tempfile::tempdir().unwrap();
    for number in [0, file::SEALS_MAX + 1] {
        let sources: Vec<_> = (0..number)
            .map(|_| SealSource::KeyFile(folder.path().join("key")))
            .collect();
        assert_eq!(
            create(&sources, &SeededEntropy::new(1))
                .unwrap_err()
                .to_string(),
            "name 1 to 16 sources to seal the root key with: a key file, a passphrase or a \
             systemd credential"
        );
    }
}

#[test]
fn a_seal_file_is_written_once_and_read_again() {
    let sealed = Sealed3::new();
    let path = sealed.folder.path().join("seal.json");
    sealed.file.write_new(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        SealFile::read(&path).unwrap().to_text(),
        sealed.file.to_text()
    );

    let (_, other) = create(&[sealed.key_file()], &SeededEntropy::new(2)).unwrap();
    let refused = other.write_new(&path).unwrap_err();
    assert!(
        matches!(refused.problem, SealFileProblem::AlreadyThere),
        "{refused}"
    );
    assert_eq!(
        SealFile::read(&path).unwrap().to_text(),
        sealed.file.to_text()
    );
}

#[test]
fn a_seal_file_that_cannot_be_read_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.json");
    let complaint = || SealFile::read(&path).unwrap_err().to_string();
    let named = |what: &str| format!("seal file {}: {what}", path.display());
    assert_eq!(
        complaint(),
        named(
            "it doesn't exist; restore it from a backup of this data, or name the folder that has \
             it"
        )
    );
    fs::write(&path, [0xFF, 0xFE]).unwrap();
    assert_eq!(
        complaint(),
        named(
            "it is damaged (it isn't text); restore it from a backup, and keep the damaged one \
             until then"
        )
    );
    fs::write(&path, r#"{"format": 3, "anything": [1, 2, 3]}"#).unwrap();
    assert_eq!(
        complaint(),
        named(
            "it has format 3, and this version of Strongroom knows 1; use the version that wrote \
             it, or a newer one"
        )
    );
}

#[test]
fn a_damaged_seal_file_is_called_damaged_wherever_it_is_hit() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = || SealSource::KeyFile(folder.path().join("root.key"));
    let (root, file) = create(&[key_file()], &SeededEntropy::new(1)).unwrap();
    let text = file.to_text();
    for end in 0..text.len() - 2 {
        let cut = SealFile::parse(&text[..end]);
        assert!(
            matches!(cut, Err(SealFileProblem::Damaged(_))),
            "cut at {end}"
        );
    }
    for position in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[position] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else {
            continue;
        };
        match SealFile::parse(&changed) {
            Err(SealFileProblem::Damaged(_) | SealFileProblem::NewerFormat { found: 3 }) => {}
            // Only white space and the remark for people may change without notice.
            Ok(file) => {
                assert_eq!(file.to_text(), text, "at {position}");
                assert_eq!(unseal(&file, &[key_file()]).unwrap().root.id(), root.id());
            }
            Err(other) => panic!("at {position}: {other}"),
        }
    }
}

#[test]
fn a_changed_seal_does_not_open_even_if_its_checksum_was_made_to_fit() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = || SealSource::KeyFile(folder.path().join("root.key"));
    let (root, file) = create(&[key_file()], &SeededEntropy::new(1)).unwrap();
    let (other_root, other) = create(&[key_file()], &SeededEntropy::new(2)).unwrap();
    let seal = || file.seals()[0].clone();
    let mut flipped = seal();
    flipped.sealed_root_key[20] ^= 1;
    for (case, root_key_id, seal) in [
        ("a flipped bit", root.id(), flipped),
        ("another root key's id", other_root.id(), seal()),
        ("a flipped bit of the recipient's private key", root.id(), {
            let mut seal = seal();
            seal.recipient.sealed_private_key[40] ^= 1;
            seal
        }),
        (
            "another recipient",
            root.id(),
            Seal {
                recipient: other.seals()[0].recipient.clone(),
                ..seal()
            },
        ),
        (
            "another kind",
            root.id(),
            Seal {
                lock: Lock::SystemdCredential,
                ..seal()
            },
        ),
    ] {
        let changed = SealFile::new(root_key_id, vec![seal]).unwrap();
        let changed = SealFile::parse(&changed.to_text()).unwrap();
        assert_eq!(
            complaint(&changed, key_file()),
            "the key is right, but the seal was changed; restore the seal file from a backup",
            "{case}"
        );
    }
}

#[test]
fn a_passphrase_seal_may_not_ask_for_all_memory_or_time() {
    let (root, file) = create(&[passphrase(PASSPHRASE)], &SeededEntropy::new(1)).unwrap();
    let text = serde_json::to_value(file.seals()).unwrap();
    for (field, value) in [
        ("memory_kib", 1),
        ("memory_kib", u32::MAX),
        ("passes", 0),
        ("passes", u32::MAX),
        ("lanes", 0),
        ("lanes", 1 << 24),
    ] {
        let mut changed = text.clone();
        changed[0]["lock"]["passphrase"][field] = value.into();
        let changed: Vec<Seal> = serde_json::from_value(changed).unwrap();
        let changed = SealFile::new(root.id(), changed).unwrap();
        let refused = SealFile::parse(&changed.to_text());
        assert!(
            matches!(refused, Err(SealFileProblem::Damaged(_))),
            "{field} {value}"
        );
    }
}

/// A device that holds its key in memory, and may be gone or locked.
#[derive(Debug)]
struct Token {
    pad: u8,
    problem: Option<DeviceProblem>,
    tried: Arc<AtomicUsize>,
}

impl SealDevice for Token {
    fn kind(&self) -> &'static str {
        "test token"
    }

    fn name(&self) -> String {
        "T1".to_owned()
    }

    fn wrap(&self, key: &SecretBytes) -> Result<Vec<u8>, DeviceProblem> {
        self.unwrap(key.expose()).map(|key| key.expose().to_vec())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, DeviceProblem> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        match &self.problem {
            Some(problem) => Err(problem.clone()),
            None => Ok(SecretBytes::new(
                wrapped.iter().map(|byte| byte ^ self.pad).collect(),
            )),
        }
    }
}

fn token(pad: u8) -> SealSource {
    SealSource::Device(Box::new(Token {
        pad,
        problem: None,
        tried: Arc::default(),
    }))
}

fn broken(kind: DeviceProblemKind) -> Token {
    let message = "the token is locked".to_owned();
    Token {
        pad: 7,
        problem: Some(DeviceProblem { message, kind }),
        tried: Arc::default(),
    }
}

#[test]
fn a_device_that_cannot_be_used_is_not_tried_for_another_seal() {
    let (root, file) = create(&[token(7)], &SeededEntropy::new(1)).unwrap();
    let file = file.with_seal(&token(8), &root, &SeededEntropy::new(2));
    let file = file.unwrap();
    let tries = |kind| {
        let device = broken(kind);
        let tried = Arc::clone(&device.tried);
        assert!(unseal(&file, &[SealSource::Device(Box::new(device))]).is_err());
        tried.load(Ordering::Relaxed)
    };
    assert_eq!(tries(DeviceProblemKind::Lasting), 1, "a wrong PIN");
    assert_eq!(tries(DeviceProblemKind::Passing), 1);
    assert_eq!(tries(DeviceProblemKind::OtherSeal), 2);
    assert_eq!(unseal(&file, &[token(8)]).unwrap().root.id(), root.id());
}

#[test]
fn a_device_opens_what_it_wrapped_and_its_problem_is_told() {
    let (root, file) = create(&[token(7)], &SeededEntropy::new(1)).unwrap();
    let file = SealFile::parse(&file.to_text()).unwrap();
    assert_eq!(unseal(&file, &[token(7)]).unwrap().root.id(), root.id());
    assert_eq!(
        complaint(&file, token(8)),
        UnsealProblem::WrongKey.to_string()
    );
    let locked = SealSource::Device(Box::new(broken(DeviceProblemKind::Lasting)));
    assert_eq!(complaint(&file, locked), "the token is locked");
    assert_eq!(
        complaint(&file, passphrase(PASSPHRASE)),
        UnsealProblem::NoSuchSeal.to_string()
    );
}

#[test]
fn a_root_key_is_renewed_for_seals_whose_sources_are_not_there() {
    let entropy = SeededEntropy::new(5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.key");
    let key_file = || SealSource::KeyFile(path.clone());
    let sources = [key_file(), passphrase(PASSPHRASE), token(7)];
    let (first, file) = create(&sources, &entropy).unwrap();
    let (file, shares) = file.with_shares(2, 3, &first, &entropy).unwrap();
    let keyring = crate::Keyring::new(unseal(&file, &[key_file()]).unwrap().root);

    let (second, renewed) = keyring.renew(&file, &entropy).unwrap();
    let renewed = SealFile::parse(&renewed.to_text()).unwrap();
    assert_ne!(second.id(), first.id());
    let given = |chosen: [usize; 2]| {
        let share = |index: usize| Share::parse(&shares[index].to_text()).unwrap();
        SealSource::Shares(chosen.map(share).into())
    };
    for source in [key_file(), passphrase(PASSPHRASE), token(7), given([2, 0])] {
        let name = source.to_string();
        let unsealed = unseal(&renewed, &[source]).unwrap();
        assert_eq!(unsealed.root.id(), second.id(), "{name}");
        let retiring: Vec<_> = unsealed.retiring.iter().map(RootKey::id).collect();
        assert_eq!(retiring, [first.id()], "{name}");
    }
    // Not a second time before everything is under the new one.
    keyring.begin_rewrap(second);
    let refused = keyring.renew(&renewed, &entropy).unwrap_err();
    assert_eq!(refused, RenewProblem::Unfinished);
    let refused = keyring.renew(&file, &entropy).unwrap_err();
    assert_eq!(refused, RenewProblem::OtherRootKey);
    let settled = renewed.settled();
    assert!(
        unseal(&settled, &[given([1, 2])])
            .unwrap()
            .retiring
            .is_empty()
    );
    assert!(keyring.renew(&settled, &entropy).is_ok());
}

#[test]
fn a_lost_source_is_no_lost_root_key_while_another_is_there() {
    let entropy = SeededEntropy::new(6);
    let folder = tempfile::tempdir().unwrap();
    let lost = SealSource::KeyFile(folder.path().join("lost.key"));
    let (root, file) = create(&[token(1)], &entropy).unwrap();
    let file = file
        .with_seal(&passphrase(PASSPHRASE), &root, &entropy)
        .unwrap();
    let unsealed = unseal(&file, &[lost, token(2), passphrase(PASSPHRASE)]).unwrap();
    assert_eq!(unsealed.root.id(), root.id());
    let failed: Vec<_> = unsealed.failed.iter().map(|it| it.source.clone()).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");

    let names: Vec<_> = file.listed().into_iter().map(|seal| seal.name).collect();
    let without = file.without(&names[0]).unwrap();
    assert_eq!(
        complaint(&without, token(1)),
        UnsealProblem::NoSuchSeal.to_string()
    );
    assert!(without.without(&names[1]).is_none(), "the last seal stays");
    assert!(file.without("00000000").is_none());

    let key_file = || SealSource::KeyFile(folder.path().join("root.key"));
    let file = file.with_seal(&key_file(), &root, &entropy).unwrap();
    let refused = file.with_seal(&key_file(), &root, &entropy);
    assert!(matches!(
        refused.err(),
        Some(CreateSealError::AlreadyThere { .. })
    ));
}

#[test]
fn a_seal_that_someone_else_put_into_the_file_is_not_given_a_new_root_key() {
    let entropy = SeededEntropy::new(9);
    let folder = tempfile::tempdir().unwrap();
    let source = |name: &str| [SealSource::KeyFile(folder.path().join(name))];
    let (root, file) = create(&source("own"), &entropy).unwrap();
    let (other_root, other) = create(&source("other"), &entropy).unwrap();
    assert!(file.renewed(&root, &other_root, &entropy).is_ok());
    // Their seal, whose private half they have; what is in it doesn't open this root key, yet.
    let mut seals = file.seals().to_vec();
    seals.extend(other.seals().iter().cloned());
    let forged = SealFile::new(root.id(), seals).unwrap();
    let forged = SealFile::parse(&forged.to_text()).unwrap();
    let refused = forged.renewed(&root, &RootKey::generate(&entropy), &entropy);
    let ListedSeal { name, kind } = other.listed().remove(0);
    let expected = RenewProblem::NotVouchedFor { name, kind };
    assert_eq!(refused.err(), Some(expected));
    // Nor their public key in a seal of ours.
    let mut seals = file.seals().to_vec();
    let theirs = &other.seals()[0].recipient;
    seals[0].recipient.public_key = theirs.public_key.clone();
    let forged = SealFile::new(root.id(), seals).unwrap();
    let refused = forged.renewed(&root, &RootKey::generate(&entropy), &entropy);
    assert!(matches!(
        refused.err(),
        Some(RenewProblem::NotVouchedFor { .. })
    ));
}

#[test]
fn a_seal_file_is_edited_whole_or_not_at_all() {
    let entropy = SeededEntropy::new(9);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.json");
    let (root, file) = create(&[token(1)], &entropy).unwrap();
    file.write_new(&path).unwrap();
    let refused: Result<(), SealFileError> = SealFile::edit(&path, |_| {
        Err(SealFileError {
            path: path.clone(),
            problem: SealFileProblem::Missing,
        })
    });
    assert!(refused.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), file.to_text());
    SealFile::edit(&path, |file| -> Result<_, SealFileError> {
        Ok((
            file.with_seal(&passphrase(PASSPHRASE), &root, &entropy)
                .unwrap(),
            (),
        ))
    })
    .unwrap();
    assert_eq!(SealFile::read(&path).unwrap().kinds().len(), 2);
}
