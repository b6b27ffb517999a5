//! TLS on the listener: generated certificates, both protocols, reloading.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite as suites;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use strongroom::edge::tls::{Certificates, Generated};
use strongroom::edge::{Limits, TrustedProxies};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::client::TlsStream;

use super::Server;

fn generated(folder: &Path) -> Generated {
    Generated::in_folder(folder, IpAddr::from([127, 0, 0, 1])).unwrap()
}

fn serve(generated: &Generated, limits: Limits) -> (Server, Arc<Certificates>) {
    let certificates =
        Arc::new(Certificates::read(&generated.certificate, &generated.key).unwrap());
    let server = Server::start_with(
        limits,
        TrustedProxies::default(),
        Some(Arc::clone(&certificates)),
    );
    (server, certificates)
}

async fn connect(
    server: &Server,
    authority: &Path,
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    connect_with(provider, server, authority, name, versions, alpn).await
}

async fn connect_with(
    provider: CryptoProvider,
    server: &Server,
    authority: &Path,
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = tokio::net::TcpStream::connect(server.address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[test]
fn a_generated_certificate_is_trusted_by_its_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(folder.path());
    let (server, _) = serve(&generated, Limits::default());
    server.runtime.block_on(async {
        for name in ["localhost", "127.0.0.1", "::1"] {
            let mut stream = connect(
                &server,
                &generated.authority,
                name,
                rustls::ALL_VERSIONS,
                &["http/1.1"],
            )
            .await
            .unwrap();
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(
                answer.ends_with("GET / Some(\"127.0.0.1\") secure 0"),
                "{answer}"
            );
        }
        assert!(
            connect(
                &server,
                &generated.authority,
                "example.com",
                rustls::ALL_VERSIONS,
                &[]
            )
            .await
            .is_err()
        );
    });
}

#[test]
fn both_versions_and_both_protocols_are_spoken_and_the_exchange_is_post_quantum() {
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(folder.path());
    let (server, _) = serve(&generated, Limits::default());
    server.runtime.block_on(async {
        let cases = [
            (&rustls::version::TLS13, ProtocolVersion::TLSv1_3, "h2"),
            (
                &rustls::version::TLS12,
                ProtocolVersion::TLSv1_2,
                "http/1.1",
            ),
        ];
        for (version, spoken, protocol) in cases {
            let stream = connect(
                &server,
                &generated.authority,
                "localhost",
                &[version],
                &[protocol],
            )
            .await
            .unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(spoken));
            assert_eq!(session.alpn_protocol(), Some(protocol.as_bytes()));
            if spoken == ProtocolVersion::TLSv1_3 {
                let group = session.negotiated_key_exchange_group().unwrap().name();
                assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
            }
        }
    });
}

#[test]
fn a_request_says_how_its_connection_is_encrypted_unless_a_proxy_stands_between() {
    const ASK: &[u8] = b"GET /tls HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
        Connection: close\r\n\r\n";
    let folder = tempfile::tempdir().unwrap();
    let generated = generated(folder.path());
    let ask = |server: &Server, suite: rustls::SupportedCipherSuite| {
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            ..rustls::crypto::aws_lc_rs::default_provider()
        };
        server.runtime.block_on(async {
            let (authority, versions) = (&generated.authority, rustls::ALL_VERSIONS);
            let versions: Vec<_> = versions
                .iter()
                .copied()
                .filter(|version| suite.version().version == version.version)
                .collect();
            let connecting = connect_with(provider, server, authority, "localhost", &versions, &[]);
            let mut stream = connecting.await.unwrap();
            stream.write_all(ASK).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer.split_once("\r\n\r\n").unwrap().1.to_owned()
        })
    };
    let (server, certificates) = serve(&generated, Limits::default());
    for (suite, told) in [
        (
            suites::TLS13_AES_128_GCM_SHA256,
            "TLSv1.3 TLS_AES_128_GCM_SHA256",
        ),
        (
            suites::TLS13_CHACHA20_POLY1305_SHA256,
            "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256",
        ),
        (
            suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
    ] {
        assert_eq!(ask(&server, suite), told);
    }
    // How the proxy's client reached it isn't known.
    let proxies = || TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let behind = Server::start_with(Limits::default(), proxies(), Some(certificates));
    assert_eq!(ask(&behind, suites::TLS13_AES_128_GCM_SHA256), "nothing");
    let plain = Server::start_with(Limits::default(), proxies(), None);
    let mut client = plain.connect();
    client.send(ASK);
    assert_eq!(client.answer().unwrap().text(), "nothing");
}

#[test]
fn a_reload_takes_the_new_certificate_and_keeps_the_old_one_if_the_new_is_unusable() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (generated(folder.path()), generated(other.path()));
    let (server, certificates) = serve(&first, Limits::default());
    let is_first = |trusted: &Generated| {
        let connecting = connect(
            &server,
            &trusted.authority,
            "localhost",
            rustls::ALL_VERSIONS,
            &[],
        );
        server.runtime.block_on(connecting).is_ok()
    };
    assert!(is_first(&first) && !is_first(&second));

    std::fs::copy(&second.certificate, &first.certificate).unwrap();
    let why = certificates.reload().unwrap_err().to_string();
    assert!(
        why.contains(&first.certificate.display().to_string()),
        "{why}"
    );
    assert!(
        is_first(&first),
        "a key that does not belong to the certificate changes nothing"
    );

    std::fs::copy(&second.key, &first.key).unwrap();
    certificates.reload().unwrap();
    assert!(is_first(&second) && !is_first(&first));
}

#[test]
fn a_generated_certificate_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = std::fs::read(generated(folder.path()).certificate).unwrap();
    let again = std::fs::read(generated(folder.path()).certificate).unwrap();
    assert_eq!(first, again);
    let key = std::fs::metadata(generated(folder.path()).key).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777,
        0o600
    );
}

#[test]
fn a_handshake_that_stops_half_way_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        header_read: std::time::Duration::from_millis(200),
        ..Limits::default()
    };
    let (server, _) = serve(&generated(folder.path()), limits);
    let mut client = server.connect();
    client.send([0x16, 0x03, 0x01, 0x02, 0x00]);
    assert!(client.is_ended());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _ = std::io::copy(&mut client.0, &mut std::io::sink());
    super::eventually(|| server.counters.handshakes_failed() == 2);
}
