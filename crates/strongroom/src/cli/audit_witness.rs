//! `strongroom audit witness`: the logs that a running server witnesses, and the heads that it refused.

use clap::Args;
use http::Method;
use strongroom_audit::{Head, PublicKey};

use super::running_server::{RunningServer, asked};
use super::{Failed, say};
use crate::admin::{AskedFinding, WitnessStatus};
use crate::audit::anchors::witness::Trust;

/// List the logs that a running server witnesses, and the heads that it refused
///
/// A witness believes the key that signed a log's first head, and later keys by the word of the one before. What else
/// comes it refuses, and it stays listed until it is accepted or dismissed. Both are noted in the witness's own log.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom audit witness --data-dir /var/lib/strongroom
  strongroom audit witness --data-dir /var/lib/strongroom --accept 0123456789abcdef")]
pub(super) struct WitnessArguments {
    /// Accept the head of this finding: it and who signed it are what is known of its log from now on
    #[arg(long, value_name = "FINDING", conflicts_with = "dismiss")]
    accept: Option<String>,
    /// Forget this finding, once you know what it was
    #[arg(long, value_name = "FINDING")]
    dismiss: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: RunningServer,
}

pub(super) fn run(arguments: &WitnessArguments) -> Result<(), Failed> {
    let socket = arguments.server.socket()?;
    let (path, finding) = match (&arguments.accept, &arguments.dismiss) {
        (Some(finding), _) => ("/audit/witness/accept", Some(finding)),
        (None, Some(finding)) => ("/audit/witness/dismiss", Some(finding)),
        (None, None) => ("/audit/witness", None),
    };
    let status: WitnessStatus = match finding {
        Some(finding) => {
            let finding = finding.clone();
            let body = serde_json::to_vec(&AskedFinding { finding })?;
            asked(&socket, Method::POST, path, body)?
        }
        None => asked(&socket, Method::GET, path, Vec::new())?,
    };
    if arguments.json {
        say(&serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    for log in &status.logs {
        let head = Head::decode(&log.head);
        let (id, record) = head.map_or_else(Default::default, |head| {
            (head.log.to_string(), head.sequence)
        });
        let key = PublicKey::from_base64(&log.public_key).map(|key| key.id().to_string());
        let trust = match log.trust {
            Trust::FirstUse => "as it signed the first head",
            Trust::VouchedFor => "by the word of the key before",
            Trust::Accepted => "as an operator accepted it",
        };
        say(&format!(
            "log {id}, record {record}, signed by key {}, believed since {} {trust}",
            key.unwrap_or_default(),
            log.trusted_since
        ));
    }
    for finding in &status.findings {
        say(&format!(
            "REFUSED {}, since {}, log {}: {}",
            finding.id, finding.since, finding.log_id, finding.what
        ));
    }
    if status.logs.is_empty() && status.findings.is_empty() {
        say("no log is witnessed yet");
    }
    Ok(())
}
