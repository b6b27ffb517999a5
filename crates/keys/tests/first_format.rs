//! What the first release wrote: its seal file, a key to it, and one of each kind of sealed bytes.
//! All of it must open for ever.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom_keys::seal::{SealFile, SealSource, unseal};
use strongroom_keys::{
    CredentialName, EncryptionContext, KeyVersionName, Keyring, Sealed, SecretBytes,
};

#[test]
fn what_the_first_release_sealed_opens() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/first_format");
    let seal_file = SealFile::read(&written.join("seal.json")).unwrap();
    let sealed_bytes = fs::read_to_string(written.join("sealed.txt")).unwrap();
    let sealed = |kind: &str| {
        let line = sealed_bytes
            .lines()
            .find_map(|line| line.strip_prefix(kind))
            .unwrap();
        Sealed::from_bytes(STANDARD.decode(line.trim()).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    fs::copy(written.join("key-file.txt"), &key_file).unwrap();
    fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
    let passphrase = SecretBytes::copy_of(b"correct horse battery staple");

    for source in [
        SealSource::KeyFile(key_file),
        SealSource::Passphrase(passphrase),
    ] {
        let keyring = Keyring::new(unseal(&seal_file, &[source]).unwrap().root);
        let name = KeyVersionName {
            account: "123456789012".into(),
            region: "eu-central-1".into(),
            key_id: "1234abcd-12ab-34cd-56ef-1234567890ab".into(),
            version: 3,
        };
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-b1c2d3";
        let context = EncryptionContext::of([("SecretARN", arn), ("SecretVersionId", "v1")]);
        let value = keyring
            .open_data_key(&name, &sealed("material"), &context, &sealed("data_key"))
            .and_then(|data_key| data_key.open(&context, &sealed("value")))
            .unwrap();
        assert_eq!(value.expose(), "geheim ✓".as_bytes());

        let credential = keyring.open_credential(
            CredentialName {
                account: "123456789012",
                access_key_id: "AKIAIOSFODNN7EXAMPLE",
            },
            &sealed("credential"),
        );
        assert_eq!(
            credential.unwrap().expose(),
            b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        );
        let token = keyring.open_token("ListSecrets", &sealed("token"));
        assert_eq!(token.unwrap().expose(), b"after: a");
    }
}
