//! Feeds to syslog servers, over TLS and without.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use strongroom::audit::feeds::{SyslogTarget, Target};
use strongroom::edge::tls::Generated;
use strongroom::outbound::{ClientIdentity, Trust};

use super::feeds::{feed, log_with, start, state};
use super::memory_log::numbers;
use super::until;

/// What a syslog server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// It reads to the end, and closes.
    Good,
    /// It reads so many bytes and closes.
    CutAfter(usize),
    /// It closes at once.
    Close,
    /// It reads everything and doesn't close.
    Hang,
    /// It doesn't read.
    Ignore,
    /// It talks, and closes without having read.
    Garbage,
}

struct SyslogServer {
    address: SocketAddr,
    /// What each connection sent; of good ones alone.
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl SyslogServer {
    fn start(manners: Vec<Manner>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            let last = *manners.last().unwrap();
            let mut manners = manners.into_iter();
            for stream in listener.incoming() {
                let manner = manners.next().unwrap_or(last);
                let stream = stream.unwrap();
                // Clients that are let down leave.
                let _ = match &tls {
                    None => behave(manner, stream, &kept),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        behave(manner, StreamOwned::new(connection, stream), &kept)
                    }
                };
            }
        });
        SyslogServer { address, received }
    }

    /// All messages, taken apart by their lengths.
    fn messages(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let mut messages = Vec::new();
        for bytes in received.iter() {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let space = rest.iter().position(|byte| *byte == b' ').unwrap();
                let length: usize = str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
                let message = &rest[space + 1..space + 1 + length];
                messages.push(String::from_utf8(message.to_vec()).unwrap());
                rest = &rest[space + 1 + length..];
            }
        }
        messages
    }
}

fn behave(
    manner: Manner,
    mut stream: impl Read + Write,
    received: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    match manner {
        Manner::Good => {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes)?;
            received.lock().unwrap().push(bytes);
        }
        Manner::CutAfter(count) => stream.read_exact(&mut vec![0; count])?,
        Manner::Close => {}
        Manner::Hang => {
            io::copy(&mut stream, &mut io::sink())?;
            std::thread::park_timeout(std::time::Duration::from_secs(2));
        }
        Manner::Ignore => std::thread::park_timeout(std::time::Duration::from_secs(2)),
        Manner::Garbage => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?,
    }
    Ok(())
}

fn server_config(generated: &Generated, ask_for_certificate: bool) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&generated.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&generated.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match ask_for_certificate {
        false => config.with_no_client_auth(),
        true => {
            let mut roots = RootCertStore::empty();
            let own = CertificateDer::from_pem_file(&generated.authority).unwrap();
            roots.add(own).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = chain.map(Result::unwrap).collect();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

fn target(scheme: &str, server: &SyslogServer, trust: Option<&Generated>) -> Target {
    let tls = || {
        let trusted = trust.map(|generated| generated.authority.as_path());
        let trust = Trust {
            file: trusted,
            system_too: false,
            setting: "ca_file",
        };
        trust.read()
    };
    let url = format!("{scheme}://{}", server.address);
    Target::Syslog(SyslogTarget::new(&url, "audit", "info", tls).unwrap())
}

fn generated(folder: &tempfile::TempDir) -> Generated {
    Generated::in_folder(folder.path(), IpAddr::from([127, 0, 0, 1])).unwrap()
}

#[test]
fn messages_arrive_over_tls_each_with_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(&folder);
    let server = SyslogServer::start(vec![Manner::Good], Some(server_config(&generated, false)));
    let log = log_with(250);
    let feeds = start(
        feed(target("tls", &server, Some(&generated))),
        &log,
        folder.path(),
    );
    until("all are delivered", || state(&feeds).delivered == 250);
    let messages = server.messages();
    assert_eq!(numbers(&messages.concat()), (1..=250).collect::<Vec<_>>());
    assert!(messages[0].starts_with("<110>1 - "), "{}", messages[0]);
    assert!(
        messages[0].contains(" PutSecretValue [meta sequenceId=\"2\"]"),
        "{}",
        messages[0]
    );
}

#[test]
fn whatever_a_syslog_server_does_no_event_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(&folder);
    let config = server_config(&generated, false);
    for (scheme, tls) in [("tcp", None), ("tls", Some(config))] {
        for manner in [
            Manner::CutAfter(100),
            Manner::CutAfter(5000),
            Manner::Close,
            Manner::Garbage,
            Manner::Hang,
            Manner::Ignore,
        ] {
            let own = tempfile::tempdir().unwrap();
            let server = SyslogServer::start(vec![manner, manner, Manner::Good], tls.clone());
            let log = log_with(90);
            let trusted = Some(&generated);
            let feeds = start(feed(target(scheme, &server, trusted)), &log, own.path());
            let mut failed = false;
            until("all are delivered", || {
                failed |= state(&feeds).last_error.is_some();
                state(&feeds).delivered == 90
            });
            assert!(failed, "{scheme}, {manner:?}: it counted as delivered");
            // More than once where the server only seemed to hang.
            let mut got = Vec::new();
            for number in numbers(&server.messages().concat()) {
                if !got.contains(&number) {
                    got.push(number);
                }
            }
            assert_eq!(got, (1..=90).collect::<Vec<_>>(), "{scheme}, {manner:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_who_it_says_gets_nothing() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [own, other] = folders.each_ref().map(generated);
    let server = SyslogServer::start(vec![Manner::Good], Some(server_config(&own, false)));
    let log = log_with(1);
    let feeds = start(
        feed(target("tls", &server, Some(&other))),
        &log,
        folders[0].path(),
    );
    until("the failure is told", || state(&feeds).last_error.is_some());
    let error = state(&feeds).last_error.unwrap();
    assert!(error.contains("certificate"), "{error}");
    assert!(server.messages().is_empty());
}

#[test]
fn a_server_may_ask_who_sends() {
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(&folder);
    let client = client_certificate(&folder);
    let config = server_config_trusting(&generated, &client.0);
    let server = SyslogServer::start(vec![Manner::Good], Some(config));
    let log = log_with(1);
    // Without a certificate it refuses.
    let feeds = start(
        feed(target("tls", &server, Some(&generated))),
        &log,
        folder.path(),
    );
    until("the failure is told", || state(&feeds).last_error.is_some());
    drop(feeds);
    let identity = ClientIdentity {
        certificate: &client.0,
        key: &client.1,
    };
    let tls = || {
        let trust = Trust {
            file: Some(&generated.authority),
            system_too: false,
            setting: "ca_file",
        };
        trust.read_with(Some(&identity))
    };
    let url = format!("tls://{}", server.address);
    let target = Target::Syslog(SyslogTarget::new(&url, "audit", "info", tls).unwrap());
    let feeds = start(feed(target), &log, folder.path());
    until("it is delivered", || state(&feeds).delivered == 1);
}

/// A certificate that vouches for itself, and its key.
fn client_certificate(folder: &tempfile::TempDir) -> (std::path::PathBuf, std::path::PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["strongroom".to_owned()]).unwrap();
    let paths = ["client.pem", "client.key"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], made.cert.pem()).unwrap();
    std::fs::write(&paths[1], made.signing_key.serialize_pem()).unwrap();
    let [certificate, key] = paths;
    (certificate, key)
}

fn server_config_trusting(generated: &Generated, client: &std::path::Path) -> Arc<ServerConfig> {
    let trusting = Generated {
        authority: client.to_owned(),
        ..generated.clone()
    };
    server_config(&trusting, true)
}
