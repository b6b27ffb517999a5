//! What `strongroom doctor` finds.

use std::fs::Permissions;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use strongroom::cli::{Finding, Verdict, diagnose_config, diagnose_folder};
use strongroom::edge::tls::Generated;

use super::{Served, run, strongroom};

fn set_up(folder: &Path, more: &str) -> PathBuf {
    let path = folder.join("strongroom.toml");
    let text = format!(
        "[data]\ndir = \"{0}/data\"\n[seal]\nkey_file = \"{0}/root.key\"\n[log]\nlevel = \"warn\"\n{more}",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn initialised(folder: &Path) -> PathBuf {
    let config = set_up(folder, "");
    let (status, _, error) = run(&["init", "--config", config.to_str().unwrap()]);
    assert_eq!(status, 0, "{error}");
    config
}

fn found<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.subject == subject)
        .unwrap_or_else(|| panic!("nothing on {subject}: {findings:?}"))
}

#[track_caller]
fn expect(findings: &[Finding], subject: &str, verdict: Verdict, text: &str) {
    let finding = found(findings, subject);
    assert!(
        finding.verdict == verdict && finding.text.contains(text),
        "{finding}"
    );
}

#[test]
fn a_good_folder_is_found_good_by_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = initialised(folder.path());
    let findings = diagnose_config(&config);
    for subject in [
        "configuration",
        "data folder",
        "disk",
        "clock",
        "server",
        "store",
        "seal",
    ] {
        assert_eq!(
            found(&findings, subject).verdict,
            Verdict::Ok,
            "{findings:?}"
        );
    }
    expect(&findings, "server", Verdict::Ok, "none runs");
    expect(&findings, "store", Verdict::Ok, "all whole");
    let (status, printed, _) = run(&["doctor", "--config", config.to_str().unwrap()]);
    assert_eq!(status, 0, "{printed}");
    assert!(
        printed.lines().any(|line| line.starts_with("ok    seal")),
        "{printed}"
    );
}

#[test]
fn a_running_server_is_asked_and_its_store_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = initialised(folder.path());
    let mut command = strongroom(&["serve", "--config", config.to_str().unwrap()]);
    command.env("STRONGROOM_SERVER_LISTEN", "127.0.0.1:0");
    let server = Served::start(command);
    let findings = diagnose_config(&config);
    expect(
        &findings,
        "server",
        Verdict::Ok,
        &format!("process {} serves {}", server.pid(), server.url),
    );
    expect(&findings, "store", Verdict::Ok, "takes commits");
    expect(&findings, "job", Verdict::Ok, "purge");
}

#[test]
fn an_older_copy_that_a_start_would_refuse_is_found_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, older) = (folder.path().join("data"), folder.path().join("older"));
    std::fs::create_dir(&older).unwrap();
    let start = || {
        let data = data.to_str().unwrap();
        Served::start(strongroom(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            data,
        ]))
    };
    let files = || {
        std::fs::read_dir(data.join("audit"))
            .unwrap()
            .map(|entry| entry.unwrap())
    };
    for round in 0..2 {
        let mut server = start();
        let (status, _) = server.call(server.credentials(), "us-east-1", "ListSecrets", "{}");
        assert_eq!((status, server.terminate()), (200, 0));
        if round == 0 {
            for file in files() {
                std::fs::copy(file.path(), older.join(file.file_name())).unwrap();
            }
        }
    }
    let subject = "audit";
    expect(
        &diagnose_folder(&data),
        subject,
        Verdict::Ok,
        "the store knows",
    );
    for file in files() {
        std::fs::remove_file(file.path()).unwrap();
    }
    expect(
        &diagnose_folder(&data),
        subject,
        Verdict::Fail,
        "is gone from",
    );
    for file in std::fs::read_dir(&older)
        .unwrap()
        .map(|entry| entry.unwrap())
    {
        std::fs::copy(file.path(), data.join("audit").join(file.file_name())).unwrap();
    }
    expect(
        &diagnose_folder(&data),
        subject,
        Verdict::Fail,
        "which the store knows",
    );
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = set_up(folder.path(), "");
    expect(
        &diagnose_config(&config),
        "data folder",
        Verdict::Fail,
        "strongroom init",
    );
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let findings = diagnose_config(&config);
    expect(&findings, "store", Verdict::Warn, "none yet");
    expect(&findings, "seal", Verdict::Warn, "none yet");
    assert_eq!(
        std::fs::read_dir(folder.path().join("data"))
            .unwrap()
            .count(),
        0
    );
    assert!(!folder.path().join("root.key").exists());
}

#[test]
fn what_is_wrong_is_found_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = initialised(folder.path());
    let data = folder.path().join("data");
    let key = folder.path().join("root.key");

    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    expect(
        &diagnose_config(&config),
        "data folder",
        Verdict::Warn,
        "chmod 700",
    );
    std::fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();

    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    expect(
        &diagnose_config(&config),
        "seal",
        Verdict::Fail,
        "chmod 600",
    );
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    std::fs::rename(&key, folder.path().join("elsewhere")).unwrap();
    expect(
        &diagnose_config(&config),
        "seal",
        Verdict::Fail,
        "doesn't exist",
    );
    let (status, printed, _) = run(&["doctor", "--config", config.to_str().unwrap()]);
    assert!(status == 1 && printed.contains("1 to repair"), "{printed}");
    std::fs::rename(folder.path().join("elsewhere"), &key).unwrap();

    let seal = std::fs::read_to_string(data.join("seal.json")).unwrap();
    std::fs::write(
        data.join("seal.json"),
        seal.replace("\"format\": 1", "\"format\": 9"),
    )
    .unwrap();
    expect(&diagnose_config(&config), "seal", Verdict::Fail, "format 9");
    std::fs::write(data.join("seal.json"), seal).unwrap();

    let store = std::fs::read(data.join("store.redb")).unwrap();
    let mut damaged = store.clone();
    for byte in damaged.iter_mut().skip(4_096) {
        *byte ^= 0x5a;
    }
    std::fs::write(data.join("store.redb"), damaged).unwrap();
    assert_eq!(
        found(&diagnose_config(&config), "store").verdict,
        Verdict::Fail
    );
    std::fs::write(data.join("store.redb"), store).unwrap();
    expect(&diagnose_config(&config), "store", Verdict::Ok, "all whole");
}

#[test]
fn a_configuration_that_can_not_work_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = set_up(folder.path(), "[server]\nlisten = \"0.0.0.0:4599\"\n");
    expect(
        &diagnose_config(&config),
        "configuration",
        Verdict::Fail,
        "there is no certificate",
    );
    let config = set_up(
        folder.path(),
        "[server]\nlisten = \"0.0.0.0:4599\"\nallow_plaintext = true\n",
    );
    expect(
        &diagnose_config(&config),
        "listener",
        Verdict::Warn,
        "plain HTTP",
    );
    let config = set_up(folder.path(), "[server]\nlisen = 3\n");
    expect(
        &diagnose_config(&config),
        "configuration",
        Verdict::Fail,
        "line 8: `server.lisen`",
    );
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let generated =
        Generated::in_folder(&folder.path().join("tls"), IpAddr::from([127, 0, 0, 1])).unwrap();
    let section = |certificate: &Path, key: &Path| {
        format!(
            "[server.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
            certificate.display(),
            key.display()
        )
    };
    let config = set_up(
        folder.path(),
        &section(&generated.certificate, &generated.key),
    );
    expect(
        &diagnose_config(&config),
        "certificate",
        Verdict::Ok,
        "good for",
    );

    let now = jiff::Timestamp::now().as_second();
    for (days, verdict, text) in [
        (-1, Verdict::Fail, "expired on"),
        (3, Verdict::Warn, "expires in"),
        (90, Verdict::Ok, "good for"),
    ] {
        let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let until = jiff::Timestamp::from_second(now + days * 86_400)
            .unwrap()
            .to_string();
        let part = |range: std::ops::Range<usize>| until[range].parse::<u8>().unwrap();
        params.not_after =
            rcgen::date_time_ymd(until[..4].parse().unwrap(), part(5..7), part(8..10));
        std::fs::write(&certificate, params.self_signed(&pair).unwrap().pem()).unwrap();
        std::fs::write(&key, pair.serialize_pem()).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let config = set_up(folder.path(), &section(&certificate, &key));
        expect(&diagnose_config(&config), "certificate", verdict, text);
    }

    let config = set_up(
        folder.path(),
        &section(&generated.certificate, &folder.path().join("own.key")),
    );
    assert_eq!(
        found(&diagnose_config(&config), "certificate").verdict,
        Verdict::Fail,
        "another certificate's key"
    );
}

#[test]
fn a_key_beside_the_data_is_enough_for_development_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    drop(Served::start(strongroom(&[
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--log-level",
        "warn",
        "--data-dir",
        data,
    ])));
    let findings = diagnose_folder(folder.path());
    expect(&findings, "seal", Verdict::Warn, "beside the data");
    expect(&findings, "store", Verdict::Ok, "all whole");
    assert!(
        findings
            .iter()
            .all(|finding| finding.verdict != Verdict::Fail),
        "{findings:?}"
    );
}

#[test]
fn a_server_of_functions_that_cant_be_asked_is_found() {
    let folder = tempfile::tempdir().unwrap();
    initialised(folder.path());
    let more = |credentials: &str| {
        format!(
            "[[functions.endpoints]]\npattern = \"*\"\nurl = \"http://127.0.0.1:9001\"\ncredentials_file = \"{credentials}\"\n"
        )
    };
    let findings = diagnose_config(&set_up(folder.path(), &more("/nowhere/at/all")));
    let expected = "functions.credentials_file /nowhere/at/all can't be read";
    expect(&findings, "functions", Verdict::Fail, expected);
    let config = folder.path().join("strongroom.toml");
    let (status, _, error) = run(&["serve", "--config", config.to_str().unwrap()]);
    assert!(status == 1 && error.contains(expected), "{error}");

    let kept = folder.path().join("credentials");
    std::fs::write(&kept, "AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\n").unwrap();
    let findings = diagnose_config(&set_up(folder.path(), &more(kept.to_str().unwrap())));
    assert!(
        findings
            .iter()
            .all(|finding| finding.subject != "functions")
    );
}
