//! A server that answers each connection with the next of some prepared bytes, whatever it is asked.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use strongroom::edge::tls::Generated;

/// What is done with a request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes are sent, and the connection is closed.
    Send(Vec<u8>),
    /// The same after a while.
    SendAfter(Duration, Vec<u8>),
    /// The first are sent, then the others again and again until nobody listens.
    SendForEver(Vec<u8>, Vec<u8>),
    /// Nothing is sent until the client leaves.
    Hang,
    /// The client isn't even listened to until it leaves.
    Ignore,
}

/// A running one.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// An answer of status 200.
pub(crate) fn ok(headers: &str, body: &str) -> Step {
    answer("200 OK", headers, body)
}

/// An answer. `headers` are lines that each end with `\r\n`.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Send(
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
            .into_bytes(),
    )
}

impl Scripted {
    /// Takes a connection for each step, then no more.
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), steps, None)
    }

    /// The same at an address.
    pub(crate) fn start_at(address: SocketAddr, steps: Vec<Step>) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), steps, None)
    }

    /// The same over TLS.
    pub(crate) fn start_with_tls(steps: Vec<Step>, certificate: &Generated) -> Self {
        let chain = CertificateDer::pem_file_iter(&certificate.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::listen(listener, steps, Some(Arc::new(config)))
    }

    fn listen(listener: TcpListener, steps: Vec<Step>, tls: Option<Arc<ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for step in steps {
                let (stream, _) = listener.accept().unwrap();
                // Clients leave in the middle on purpose.
                let _ = match &tls {
                    None => carry_out(&step, stream, &kept),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        carry_out(&step, StreamOwned::new(connection, stream), &kept)
                    }
                };
            }
        });
        Scripted {
            address,
            scheme,
            received,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The requests so far, byte for byte.
    pub(crate) fn received_bytes(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }

    /// The requests so far, head and body.
    pub(crate) fn received(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let texts = received.iter().map(|it| String::from_utf8_lossy(it));
        texts.map(std::borrow::Cow::into_owned).collect()
    }
}

/// An address that nobody listens on.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

trait Ends {
    fn end(&mut self);
}

impl Ends for TcpStream {
    fn end(&mut self) {}
}

impl Ends for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}

fn carry_out(
    step: &Step,
    mut stream: impl Read + Write + Ends,
    received: &Mutex<Vec<Vec<u8>>>,
) -> io::Result<()> {
    if let Step::Ignore = step {
        io::copy(&mut stream, &mut io::sink())?;
        return Ok(());
    }
    let request = read_request(&mut stream)?;
    received.lock().unwrap().push(request);
    match step {
        Step::Send(bytes) => stream.write_all(bytes)?,
        Step::SendAfter(time, bytes) => {
            std::thread::sleep(*time);
            stream.write_all(bytes)?;
        }
        Step::SendForEver(first, others) => {
            stream.write_all(first)?;
            loop {
                stream.write_all(others)?;
            }
        }
        Step::Hang | Step::Ignore => {
            io::copy(&mut stream, &mut io::sink())?;
        }
    }
    stream.end();
    Ok(())
}

fn read_request(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).unwrap_or("0");
            let length = length.split("\r\n").next().unwrap().parse::<usize>();
            if request.len() >= end + 4 + length.unwrap() {
                return Ok(request);
            }
        }
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&piece[..count]);
    }
}
