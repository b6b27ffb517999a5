//! TLS on the listener: generated certificates, both protocols, reloading.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

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
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
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
