//! Feeds to a syslog server: RFC 5424 messages with their length before each (RFC 6587, 3.4.1), over TLS (RFC 5425) or,
//! where the operator says so, plain TCP.
//!
//! Syslog has no answers, so each batch has a connection of its own: it counts as delivered once the server, having read
//! to the end, closes its side.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::Undelivered;
use crate::audit::source::Event;
use crate::outbound::{self, Reach, Server};

/// Facilities by the names that configurations of syslog servers have.
///
/// Source: RFC 5424, table 1.
pub const FACILITIES: [(&str, u8); 20] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("audit", 13),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// Severities by their names.
///
/// Source: RFC 5424, table 2.
pub const SEVERITIES: [(&str, u8); 8] = [
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("warning", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

const WARNING: u8 = 4;
/// RFC 5424, 7.3.1: what `sequenceId` ends with, and begins anew after.
const SEQUENCE_MAX: u64 = 2_147_483_647;
/// Characters of a host name and of a message's id.
const HOST_CHARACTERS_MAX: usize = 255;
const MESSAGE_ID_CHARACTERS_MAX: usize = 32;
/// How long it is looked whether a server that closed had seen everything.
const SHORTEST_DOUBT: Duration = Duration::from_millis(20);
const LONGEST_DOUBT: Duration = Duration::from_secs(1);

/// A syslog server.
#[derive(Debug)]
pub struct SyslogTarget {
    server: Server,
    tls: Option<Arc<ClientConfig>>,
    facility: u8,
    severity: u8,
    host: String,
}

impl SyslogTarget {
    /// The server of a URL `tls://HOST:PORT` or `tcp://HOST:PORT`. `facility` and `severity` are names of
    /// [`FACILITIES`] and [`SEVERITIES`]; failed calls are warnings at least.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        url: &str,
        facility: &str,
        severity: &str,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
    ) -> Result<Self, String> {
        let server = Server::of_scheme(url, &[("tls", true, 6514), ("tcp", false, 601)])
            .map_err(|why| format!("url {url:?} {why}"))?;
        let number = |what: &str, name: &str, known: &[(&str, u8)]| {
            let found = known.iter().find(|(known, _)| *known == name);
            found.map(|(_, number)| *number).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                format!("{what} {name:?} is none of {}", names.join(", "))
            })
        };
        let facility = number("facility", facility, &FACILITIES)?;
        let severity = number("severity", severity, &SEVERITIES)?;
        let tls = match server.is_secure() {
            true => Some(tls()?),
            false => None,
        };
        let system = rustix::system::uname();
        let host = printable(&system.nodename().to_string_lossy(), HOST_CHARACTERS_MAX);
        Ok(SyslogTarget {
            server,
            tls,
            facility,
            severity,
            host,
        })
    }

    pub(super) async fn deliver(&self, events: &[Event]) -> Result<(), Undelivered> {
        let mut bytes = Vec::new();
        for event in events {
            let message = self.message(event);
            bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
            bytes.extend_from_slice(&message);
        }
        let began = Instant::now();
        let failed = |error: &dyn std::fmt::Display| {
            Undelivered::Failed(format!(
                "{} broke the connection off before it had read everything ({error}): look into its log",
                self.server.url()
            ))
        };
        let unanswered = |problem: outbound::Unanswered| Undelivered::Failed(problem.to_string());
        let stream = outbound::connect(&self.server, Reach::Anywhere)
            .await
            .map_err(unanswered)?;
        let doubt = (began.elapsed() * 2).clamp(SHORTEST_DOUBT, LONGEST_DOUBT);
        let stream = match &self.tls {
            None => hand_over(stream, &bytes)
                .await
                .map_err(|error| failed(&error))?,
            Some(tls) => {
                let stream = outbound::secure(&self.server, Some(Arc::clone(tls)), stream)
                    .await
                    .map_err(unanswered)?;
                let stream = hand_over(stream, &bytes).await;
                stream.map_err(|error| failed(&error))?.into_inner().0
            }
        };
        was_all_seen(stream, doubt)
            .await
            .map_err(|error| failed(&error))
    }

    fn message(&self, event: &Event) -> Vec<u8> {
        let about = &event.about;
        let severity = match about.failed() {
            true => self.severity.min(WARNING),
            false => self.severity,
        };
        let time = about.event_time.as_deref().unwrap_or("-");
        let name = about.event_name.as_ref().or(about.detail_type.as_ref());
        let id = printable(name.map_or("", String::as_str), MESSAGE_ID_CHARACTERS_MAX);
        let sequence = (event.sequence.saturating_sub(1)) % SEQUENCE_MAX + 1;
        let mut head = String::new();
        // Writing to a text can't fail.
        let _ = write!(
            head,
            "<{}>1 {} {} strongroom {} {id} [meta sequenceId=\"{sequence}\"][origin software=\"strongroom\" \
             swVersion=\"{}\"] ",
            self.facility * 8 + severity,
            printable(time, 64),
            self.host,
            std::process::id(),
            env!("CARGO_PKG_VERSION"),
        );
        let mut message = head.into_bytes();
        message.extend_from_slice(&event.json);
        message
    }
}

/// Sends everything, says that this was all, and waits until the other side has read to there and closes.
async fn hand_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    bytes: &[u8],
) -> std::io::Result<S> {
    let (mut read, mut write) = tokio::io::split(stream);
    let sending = async {
        write.write_all(bytes).await?;
        write.flush().await?;
        write.shutdown().await
    };
    let reading = async {
        // Whatever it says means nothing.
        let mut piece = [0; 4096];
        loop {
            match read.read(&mut piece).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // Many close without saying so in TLS.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::pin!(sending, reading);
    tokio::select! {
        biased;
        sent = &mut sending => {
            sent?;
            reading.await?;
        }
        read = &mut reading => {
            read?;
            return Err(std::io::Error::new(
                std::io::ErrorKind::ConnectionReset,
                "it closed early",
            ));
        }
    }
    Ok(read.unsplit(write))
}

/// Whether what closed had seen everything: what reaches a closed connection is answered with a reset, which may take as
/// long as the way there and back.
async fn was_all_seen(stream: TcpStream, doubt: Duration) -> std::io::Result<()> {
    tokio::time::sleep(doubt).await;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// What RFC 5424 lets stand in a head's field: printable ASCII without spaces.
fn printable(text: &str, most: usize) -> String {
    let kept: String = text
        .chars()
        .filter(char::is_ascii_graphic)
        .take(most)
        .collect();
    if kept.is_empty() {
        "-".to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::source::About;

    fn event(sequence: u64, json: &str) -> Event {
        Event {
            sequence,
            json: json.as_bytes().to_vec(),
            about: About::read(json.as_bytes()),
        }
    }

    fn told(event: &Event, severity: &str) -> String {
        let unused = || Err("plain".to_owned());
        let target = SyslogTarget::new("tcp://127.0.0.1:1", "local3", severity, unused).unwrap();
        let message = String::from_utf8(target.message(event)).unwrap();
        message
            .replace(&format!(" {} ", target.host), " HOST ")
            .replace(&format!(" {} ", std::process::id()), " PID ")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    }

    #[test]
    fn a_message_has_the_head_of_rfc_5424_and_then_the_event() {
        let read = r#"{"eventTime":"2026-01-31T23:59:59Z","eventName":"GetSecretValue","a":"b c"}"#;
        let denied = r#"{"eventTime":"2026-01-31T23:59:59Z","eventName":"Get Secret","errorCode":"AccessDenied"}"#;
        let failed = r#"{"eventTime":"2026-01-31T23:59:59Z","eventName":"RotationFailed","errorMessage":"no"}"#;
        let data = |sequence: u64| {
            format!(
                "[meta sequenceId=\"{sequence}\"][origin software=\"strongroom\" swVersion=\"VERSION\"]"
            )
        };
        for (sequence, json, severity, head) in [
            (
                7,
                read,
                "info",
                format!(
                    "<158>1 2026-01-31T23:59:59Z HOST strongroom PID GetSecretValue {}",
                    data(7)
                ),
            ),
            (
                7,
                denied,
                "info",
                format!(
                    "<156>1 2026-01-31T23:59:59Z HOST strongroom PID GetSecret {}",
                    data(7)
                ),
            ),
            (
                7,
                denied,
                "crit",
                format!(
                    "<154>1 2026-01-31T23:59:59Z HOST strongroom PID GetSecret {}",
                    data(7)
                ),
            ),
            (
                7,
                failed,
                "info",
                format!(
                    "<156>1 2026-01-31T23:59:59Z HOST strongroom PID RotationFailed {}",
                    data(7)
                ),
            ),
            (
                SEQUENCE_MAX,
                "{}",
                "debug",
                format!("<159>1 - HOST strongroom PID - {}", data(SEQUENCE_MAX)),
            ),
            (
                SEQUENCE_MAX + 1,
                "{}",
                "debug",
                format!("<159>1 - HOST strongroom PID - {}", data(1)),
            ),
        ] {
            assert_eq!(
                told(&event(sequence, json), severity),
                format!("{head} {json}")
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_server_is_told() {
        for (url, facility, severity, part) in [
            ("udp://h", "audit", "info", "neither tls:// nor tcp://"),
            (
                "tcp://h",
                "local8",
                "info",
                "facility \"local8\" is none of kern",
            ),
            (
                "tcp://h",
                "audit",
                "bad",
                "severity \"bad\" is none of emerg",
            ),
            ("tls://h", "audit", "info", "no authorities"),
        ] {
            let tls = || Err("no authorities".to_owned());
            let why = SyslogTarget::new(url, facility, severity, tls).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
    }
}
