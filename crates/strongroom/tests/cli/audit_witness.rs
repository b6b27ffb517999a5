//! A whole server that witnesses another one's audit log, over a change of that one's key.

use std::path::Path;

use serde_json::Value;

use super::{Served, get, run, strongroom};
use crate::audit::until;

const TOKEN: &str = "a-token-of-some-length-0123456789";

fn initialised(folder: &Path, name: &str, more: &str) -> String {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("strongroom.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = \"{0}/data\"\n[seal]\nkey_file = \"{0}/root.key\"\n\
         [log]\nlevel = \"error\"\n{more}",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    let config = path.to_str().unwrap().to_owned();
    let (status, _, error) = run(&["init", "--config", &config, "--json"]);
    assert_eq!(status, 0, "{error}");
    config
}

fn served(config: &str) -> Served {
    let mut command = strongroom(&["serve", "--config", config]);
    command.env("WITNESS_TOKEN", TOKEN);
    Served::start(command)
}

#[test]
fn a_witness_follows_a_log_over_a_change_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let witness_config = initialised(
        folder.path(),
        "witness",
        &format!(
            "[operations]\nlisten = \"{address}\"\n[audit]\nwitness_token_env = \"WITNESS_TOKEN\"\n"
        ),
    );
    let config = initialised(
        folder.path(),
        "witnessed",
        &format!(
            "[[audit.anchors]]\nwitness = \"http://{address}\"\nevery_seconds = 1\ntoken_env = \"WITNESS_TOKEN\"\n"
        ),
    );
    let _witness = served(&witness_config);
    let mut server = served(&config);
    let status = || {
        let (status, told, error) =
            run(&["audit", "witness", "--config", &witness_config, "--json"]);
        assert_eq!(status, 0, "{error}");
        serde_json::from_str::<Value>(&told).unwrap()
    };
    until("it is witnessed", || {
        status()["Logs"][0]["Trust"] == "FirstUse"
    });
    let (ended, keys, error) = run(&["audit", "rotate-key", "--config", &config]);
    assert_eq!((ended, keys.lines().count()), (0, 2), "{error}");
    until("its new key is believed", || {
        let log = &status()["Logs"][0];
        log["Trust"] == "VouchedFor" && log["PublicKey"].as_str() == keys.lines().last()
    });
    assert_eq!(server.terminate(), 0);
    // The last head comes when the store is closed already.
    let head = std::fs::read_to_string(folder.path().join("witnessed/data/audit/head")).unwrap();
    let newest = head
        .lines()
        .map(str::trim_end)
        .max_by_key(|line| serde_json::from_str::<Value>(line).unwrap()["Sequence"].as_u64());
    let known = status();
    assert_eq!(known["Logs"][0]["Head"].as_str(), newest);
    assert_eq!(known["Findings"].as_array().unwrap().len(), 0, "{known:#}");

    // Somebody with the token and without the key.
    let forged = newest.unwrap().replace("\"Sequence\":", "\"Sequence\":9");
    let request = format!(
        "POST /audit/witness HTTP/1.1\r\nHost: witness\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: {}\r\n\r\n{forged}",
        forged.len()
    );
    let (refused, said) = super::plain(&address, &request);
    assert_eq!(refused, 403, "{said}");
    let (_, told, _) = run(&["audit", "witness", "--config", &witness_config]);
    assert!(told.contains("by the word of the key before"), "{told}");
    assert!(told.contains("REFUSED "), "{told}");
    assert!(
        get(&address, "/metrics")
            .1
            .contains("strongroom_jobs_failing 1")
    );
    let finding = status()["Findings"][0]["Id"].as_str().unwrap().to_owned();
    let settle = |how: &str| {
        run(&[
            "audit",
            "witness",
            "--config",
            &witness_config,
            how,
            &finding,
        ])
    };
    let (status_of_it, _, error) = settle("--accept");
    assert!(
        status_of_it != 0 && error.contains("can't be accepted"),
        "{error}"
    );
    assert_eq!(settle("--dismiss").0, 0);
    assert_eq!(status()["Findings"], serde_json::json!([]));
    let (ended, _, error) = run(&["audit", "witness", "--config", &config]);
    assert!(ended != 0 && error.contains("no server answers"), "{error}");
}
