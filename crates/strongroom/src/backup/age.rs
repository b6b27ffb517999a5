//! The age format, version 1: encrypting a stream to recipients or under a passphrase, and decrypting it. Files can
//! be opened with the `age` program as well.
//!
//! Written by hand on aws-lc-rs because the format is small and the age crate would bring a second family of
//! cryptography. Source: age-encryption.org/v1.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bech32::{Bech32, Hrp};
use strongroom_keys::{Entropy, SecretBytes};

const VERSION_LINE: &str = "age-encryption.org/v1";
const FILE_KEY_BYTES: usize = 16;
const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
const STREAM_NONCE_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const RECIPIENT_PREFIX: Hrp = Hrp::parse_unchecked("age");
const IDENTITY_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-");
/// The work factor of new passphrases: 2^18, a second or so and 256 MiB.
const LOG_N: u8 = 18;
/// More would let a file take all the memory.
const LOG_N_MAX: u8 = 22;
const LINE_BYTES_MAX: u64 = 4096;
const STANZAS_MAX: usize = 1000;
const COLUMNS: usize = 64;

/// Whoever may open a file: the public half of an identity, `age1...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient([u8; KEY_BYTES]);

/// What opens a file that was encrypted to its recipient: `AGE-SECRET-KEY-1...`.
pub struct Identity(SecretBytes);

/// How a new file is encrypted.
#[derive(Debug)]
pub enum Lock {
    /// To each of these; any one opens it.
    Recipients(Vec<Recipient>),
    /// Under a passphrase.
    Passphrase(SecretBytes),
}

/// What a file is opened with.
#[derive(Debug)]
pub enum Opener {
    /// Any one of these.
    Identities(Vec<Identity>),
    /// A passphrase.
    Passphrase(SecretBytes),
}

/// What is wrong with a recipient, an identity or a file.
#[derive(Debug, thiserror::Error)]
pub enum AgeProblem {
    /// The text is no recipient.
    #[error("{0:?} is no age recipient: it must look like age1..., as `age-keygen` prints it")]
    NotARecipient(String),
    /// The text is no identity.
    #[error(
        "that is no age identity: it must look like AGE-SECRET-KEY-1..., as `age-keygen` makes it"
    )]
    NotAnIdentity,
    /// Nobody is to open the file.
    #[error("name at least one recipient")]
    NoRecipient,
    /// It isn't an age file.
    #[error("it is no age file: its first line must be {VERSION_LINE:?}")]
    NotAge,
    /// Its header is damaged.
    #[error("its header is damaged: {0}")]
    Header(&'static str),
    /// Nothing that was given opens it.
    #[error("no identity that was given opens it: give the one whose recipient it was made for")]
    WrongIdentity,
    /// The passphrase doesn't open it.
    #[error("the passphrase is wrong; check capitals and keyboard layout, and try again")]
    WrongPassphrase,
    /// It was encrypted in the other way.
    #[error("it was made {0}")]
    OtherWay(&'static str),
    /// A part of it was changed or is missing.
    #[error("it was changed or cut off after {0} bytes of content: use another copy")]
    Damaged(u64),
    /// It can't be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The library failed.
    #[error("the cryptographic library failed")]
    Library,
}

impl Recipient {
    /// Reads a recipient's text.
    ///
    /// # Errors
    /// [`AgeProblem::NotARecipient`]
    pub fn parse(text: &str) -> Result<Self, AgeProblem> {
        let wrong = || AgeProblem::NotARecipient(text.to_owned());
        let (prefix, bytes) = bech32::decode(text.trim()).map_err(|_| wrong())?;
        if prefix != RECIPIENT_PREFIX {
            return Err(wrong());
        }
        Ok(Recipient(bytes.try_into().map_err(|_| wrong())?))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode::<Bech32>(RECIPIENT_PREFIX, &self.0);
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl Identity {
    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; KEY_BYTES];
        entropy.fill(&mut bytes);
        Identity(SecretBytes::copy_of(&bytes))
    }

    /// Reads the identities of a file as `age-keygen` writes it: one a line, `#` begins a remark.
    ///
    /// # Errors
    /// [`AgeProblem::NotAnIdentity`]
    pub fn parse_all(text: &SecretBytes) -> Result<Vec<Self>, AgeProblem> {
        let lines = text
            .expose()
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii);
        let significant = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        let identities: Vec<_> = significant.map(Self::parse).collect::<Result<_, _>>()?;
        if identities.is_empty() {
            return Err(AgeProblem::NotAnIdentity);
        }
        Ok(identities)
    }

    fn parse(line: &[u8]) -> Result<Self, AgeProblem> {
        let text = std::str::from_utf8(line).map_err(|_| AgeProblem::NotAnIdentity)?;
        let (prefix, bytes) = bech32::decode(text).map_err(|_| AgeProblem::NotAnIdentity)?;
        let bytes = SecretBytes::new(bytes);
        if prefix
            .as_str()
            .eq_ignore_ascii_case(IDENTITY_PREFIX.as_str())
            && bytes.len() == KEY_BYTES
        {
            Ok(Identity(bytes))
        } else {
            Err(AgeProblem::NotAnIdentity)
        }
    }

    /// Its text, to be handed over.
    ///
    /// # Errors
    /// [`AgeProblem::Library`]
    pub fn to_text(&self) -> Result<SecretBytes, AgeProblem> {
        let text = bech32::encode_upper::<Bech32>(IDENTITY_PREFIX, self.0.expose());
        let text = text.map_err(|_| AgeProblem::Library)?;
        Ok(SecretBytes::new(text.into_bytes()))
    }

    /// Who this identity is to others.
    ///
    /// # Errors
    /// [`AgeProblem::Library`]
    pub fn recipient(&self) -> Result<Recipient, AgeProblem> {
        let library = |_| AgeProblem::Library;
        let key = PrivateKey::from_private_key(&X25519, self.0.expose());
        let key = key.map_err(|_| AgeProblem::Library)?;
        let public = key.compute_public_key().map_err(library)?;
        let bytes = public.as_ref().try_into();
        bytes.map(Recipient).map_err(|_| AgeProblem::Library)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Encrypts what is written to it. Without [`finish`](Self::finish) the file is cut off, and tells so.
pub struct Encryptor<W> {
    inner: W,
    key: LessSafeKey,
    counter: u128,
    buffer: Vec<u8>,
}

impl<W: Write> Encryptor<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`AgeProblem`]
    pub fn new(mut inner: W, lock: &Lock, entropy: &dyn Entropy) -> Result<Self, AgeProblem> {
        let mut file_key = [0; FILE_KEY_BYTES];
        entropy.fill(&mut file_key);
        let file_key = SecretBytes::copy_of(&file_key);
        let mut header = format!("{VERSION_LINE}\n");
        match lock {
            Lock::Recipients(recipients) if recipients.is_empty() => {
                return Err(AgeProblem::NoRecipient);
            }
            Lock::Recipients(recipients) => {
                for recipient in recipients {
                    header.push_str(&wrap_for(recipient, &file_key, entropy)?);
                }
            }
            Lock::Passphrase(passphrase) => {
                header.push_str(&wrap_under(passphrase, &file_key, entropy)?);
            }
        }
        header.push_str("---");
        let mac = hmac::sign(&mac_key(&file_key)?, header.as_bytes());
        let mac = BASE64.encode(mac.as_ref());
        let mut nonce = [0; STREAM_NONCE_BYTES];
        entropy.fill(&mut nonce);
        writeln!(inner, "{header} {mac}")?;
        inner.write_all(&nonce)?;
        Ok(Encryptor {
            inner,
            key: stream_key(&file_key, &nonce)?,
            counter: 0,
            buffer: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES),
        })
    }

    /// Writes the last chunk, and gives back what was written to.
    ///
    /// # Errors
    /// That of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk(true)?;
        Ok(self.inner)
    }

    fn chunk(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = chunk_nonce(self.counter, is_last);
        let sealed = self
            .key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut self.buffer);
        sealed.map_err(|_| io::Error::other(AgeProblem::Library))?;
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        self.counter += 1;
        Ok(())
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for what follows, since the last one is marked.
        if self.buffer.len() == CHUNK_BYTES {
            self.chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Decrypts what is read from it. Its end is an error unless it is the file's own.
pub struct Decryptor<R> {
    inner: R,
    key: LessSafeKey,
    counter: u128,
    ahead: Vec<u8>,
    content: Vec<u8>,
    position: usize,
    given: u64,
    is_done: bool,
}

impl<R: BufRead> Decryptor<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`AgeProblem`]
    pub fn new(mut inner: R, opener: &Opener) -> Result<Self, AgeProblem> {
        let header = Header::read(&mut inner)?;
        let file_key = header.open(opener)?;
        let mac = hmac::verify(&mac_key(&file_key)?, &header.covered, &header.mac);
        mac.map_err(|_| AgeProblem::Header("its code doesn't fit"))?;
        let mut nonce = [0; STREAM_NONCE_BYTES];
        inner
            .read_exact(&mut nonce)
            .map_err(|_| AgeProblem::Damaged(0))?;
        let mut decryptor = Decryptor {
            key: stream_key(&file_key, &nonce)?,
            inner,
            counter: 0,
            ahead: Vec::new(),
            content: Vec::new(),
            position: 0,
            given: 0,
            is_done: false,
        };
        decryptor.ahead = decryptor.next_sealed()?;
        decryptor.next_chunk()?;
        Ok(decryptor)
    }

    fn next_sealed(&mut self) -> io::Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
        let most = (CHUNK_BYTES + TAG_BYTES) as u64;
        self.inner.by_ref().take(most).read_to_end(&mut sealed)?;
        Ok(sealed)
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let damaged = || io::Error::other(AgeProblem::Damaged(self.given));
        let following = match self.ahead.len() {
            full if full == CHUNK_BYTES + TAG_BYTES => {
                let mut sealed = Vec::with_capacity(CHUNK_BYTES + TAG_BYTES);
                let most = (CHUNK_BYTES + TAG_BYTES) as u64;
                self.inner.by_ref().take(most).read_to_end(&mut sealed)?;
                sealed
            }
            _ => Vec::new(),
        };
        let is_last = following.is_empty();
        let mut sealed = std::mem::replace(&mut self.ahead, following);
        let nonce = chunk_nonce(self.counter, is_last);
        let opened = self.key.open_in_place(nonce, Aad::empty(), &mut sealed);
        let length = opened.map_err(|_| damaged())?.len();
        // An empty last chunk is allowed only in an empty file.
        if length == 0 && self.counter > 0 {
            return Err(damaged());
        }
        sealed.truncate(length);
        self.content = sealed;
        self.position = 0;
        self.counter += 1;
        self.is_done = is_last;
        Ok(())
    }
}

impl<R: BufRead> Read for Decryptor<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position == self.content.len() {
            if self.is_done {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let rest = &self.content[self.position..];
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.position += taken;
        self.given += taken as u64;
        Ok(taken)
    }
}

/// A file's header.
struct Header {
    stanzas: Vec<Stanza>,
    covered: Vec<u8>,
    mac: Vec<u8>,
}

struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

impl Header {
    fn read(inner: &mut impl BufRead) -> Result<Self, AgeProblem> {
        let mut covered = Vec::new();
        let mut line = next_line(inner)?;
        if line != VERSION_LINE {
            return Err(AgeProblem::NotAge);
        }
        covered.extend_from_slice(line.as_bytes());
        covered.push(b'\n');
        let mut stanzas = Vec::new();
        line = next_line(inner)?;
        while let Some(arguments) = line.strip_prefix("-> ") {
            let arguments = arguments.split(' ').map(str::to_owned).collect();
            covered.extend_from_slice(line.as_bytes());
            covered.push(b'\n');
            let mut encoded = String::new();
            loop {
                line = next_line(inner)?;
                covered.extend_from_slice(line.as_bytes());
                covered.push(b'\n');
                encoded.push_str(&line);
                if line.len() < COLUMNS {
                    break;
                }
            }
            let body = BASE64.decode(encoded);
            let body = body.map_err(|_| AgeProblem::Header("a stanza isn't base64"))?;
            stanzas.push(Stanza { arguments, body });
            if stanzas.len() > STANZAS_MAX {
                return Err(AgeProblem::Header("it has too many stanzas"));
            }
            line = next_line(inner)?;
        }
        let mac = line.strip_prefix("--- ");
        let mac = mac.ok_or(AgeProblem::Header("it has no end"))?;
        covered.extend_from_slice(b"---");
        Ok(Header {
            stanzas,
            covered,
            mac: BASE64
                .decode(mac)
                .map_err(|_| AgeProblem::Header("its code isn't base64"))?,
        })
    }

    fn open(&self, opener: &Opener) -> Result<SecretBytes, AgeProblem> {
        let first = self
            .stanzas
            .first()
            .map(|stanza| stanza.arguments[0].as_str());
        match opener {
            Opener::Passphrase(passphrase) => {
                let [stanza] = self.stanzas.as_slice() else {
                    return Err(AgeProblem::OtherWay(
                        "for recipients: give an identity file",
                    ));
                };
                if first != Some("scrypt") {
                    return Err(AgeProblem::OtherWay(
                        "for recipients: give an identity file",
                    ));
                }
                unwrap_under(passphrase, stanza)
            }
            Opener::Identities(_) if first == Some("scrypt") => {
                Err(AgeProblem::OtherWay("with a passphrase: give that"))
            }
            Opener::Identities(identities) => identities
                .iter()
                .flat_map(|identity| self.stanzas.iter().map(move |stanza| (identity, stanza)))
                .find_map(|(identity, stanza)| unwrap_for(identity, stanza))
                .ok_or(AgeProblem::WrongIdentity),
        }
    }
}

fn next_line(inner: &mut impl BufRead) -> Result<String, AgeProblem> {
    let mut line = Vec::new();
    inner.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(AgeProblem::NotAge);
    }
    String::from_utf8(line).map_err(|_| AgeProblem::NotAge)
}

fn stanza(arguments: &str, body: &[u8]) -> String {
    let encoded = BASE64.encode(body);
    let mut text = format!("-> {arguments}\n");
    let (lines, rest) = encoded.as_bytes().as_chunks::<COLUMNS>();
    for line in lines.iter().map(|line| &line[..]).chain([rest]) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text
}

fn wrap_for(
    recipient: &Recipient,
    file_key: &SecretBytes,
    entropy: &dyn Entropy,
) -> Result<String, AgeProblem> {
    let ephemeral = Identity::generate(entropy);
    let share = ephemeral.recipient()?.0;
    let key = agreed(&ephemeral, &recipient.0, &share, &recipient.0).ok_or(AgeProblem::Library)?;
    let body = seal_file_key(&key, file_key)?;
    Ok(stanza(&format!("X25519 {}", BASE64.encode(share)), &body))
}

fn unwrap_for(identity: &Identity, stanza: &Stanza) -> Option<SecretBytes> {
    let [kind, share] = stanza.arguments.as_slice() else {
        return None;
    };
    if kind != "X25519" {
        return None;
    }
    let share: [u8; KEY_BYTES] = BASE64.decode(share).ok()?.try_into().ok()?;
    let own = identity.recipient().ok()?.0;
    let key = agreed(identity, &share, &share, &own)?;
    open_file_key(&key, &stanza.body)
}

fn agreed(
    own: &Identity,
    other: &[u8; KEY_BYTES],
    share: &[u8; KEY_BYTES],
    recipient: &[u8; KEY_BYTES],
) -> Option<LessSafeKey> {
    let private = PrivateKey::from_private_key(&X25519, own.0.expose()).ok()?;
    let salt = [&share[..], &recipient[..]].concat();
    let other = UnparsedPublicKey::new(&X25519, other);
    agree(&private, other, (), |secret| {
        expanded(&salt, secret, b"age-encryption.org/v1/X25519").ok_or(())
    })
    .ok()
}

fn wrap_under(
    passphrase: &SecretBytes,
    file_key: &SecretBytes,
    entropy: &dyn Entropy,
) -> Result<String, AgeProblem> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let key = stretched(passphrase, &salt, LOG_N).ok_or(AgeProblem::Library)?;
    let body = seal_file_key(&key, file_key)?;
    let arguments = format!("scrypt {} {LOG_N}", BASE64.encode(salt));
    Ok(stanza(&arguments, &body))
}

fn unwrap_under(passphrase: &SecretBytes, stanza: &Stanza) -> Result<SecretBytes, AgeProblem> {
    let damaged = AgeProblem::Header("its passphrase stanza can't be read");
    let [_, salt, log_n] = stanza.arguments.as_slice() else {
        return Err(damaged);
    };
    let salt = BASE64.decode(salt).ok().filter(|salt| salt.len() == 16);
    let log_n = log_n
        .parse()
        .ok()
        .filter(|log_n| (1..=LOG_N_MAX).contains(log_n));
    let (Some(salt), Some(log_n)) = (salt, log_n) else {
        return Err(damaged);
    };
    let key = stretched(passphrase, &salt, log_n).ok_or(AgeProblem::Library)?;
    open_file_key(&key, &stanza.body).ok_or(AgeProblem::WrongPassphrase)
}

fn stretched(passphrase: &SecretBytes, salt: &[u8], log_n: u8) -> Option<LessSafeKey> {
    let salt = [b"age-encryption.org/v1/scrypt", salt].concat();
    let parameters = scrypt::Params::new(log_n, 8, 1).ok()?;
    let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
    scrypt::scrypt(passphrase.expose(), &salt, &parameters, &mut *key).ok()?;
    cipher(&*key)
}

fn seal_file_key(key: &LessSafeKey, file_key: &SecretBytes) -> Result<Vec<u8>, AgeProblem> {
    let mut sealed = file_key.expose().to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)
        .map_err(|_| AgeProblem::Library)?;
    Ok(sealed)
}

fn open_file_key(key: &LessSafeKey, sealed: &[u8]) -> Option<SecretBytes> {
    if sealed.len() != FILE_KEY_BYTES + TAG_BYTES {
        return None;
    }
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let opened = key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
    Some(SecretBytes::copy_of(opened))
}

fn mac_key(file_key: &SecretBytes) -> Result<hmac::Key, AgeProblem> {
    let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
    expand(&[], file_key.expose(), b"header", &mut key[..]).ok_or(AgeProblem::Library)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key[..]))
}

fn stream_key(file_key: &SecretBytes, nonce: &[u8]) -> Result<LessSafeKey, AgeProblem> {
    expanded(nonce, file_key.expose(), b"payload").ok_or(AgeProblem::Library)
}

fn expanded(salt: &[u8], secret: &[u8], info: &[u8]) -> Option<LessSafeKey> {
    let mut key = zeroize::Zeroizing::new([0; KEY_BYTES]);
    expand(salt, secret, info, &mut key[..])?;
    cipher(&key[..])
}

fn expand(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) -> Option<()> {
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let bytes = key.expand(&info, HKDF_SHA256).ok()?;
    bytes.fill(out).ok()
}

fn cipher(key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key)
        .ok()
        .map(LessSafeKey::new)
}

/// Eleven bytes that count, and one that marks the last chunk.
fn chunk_nonce(counter: u128, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..11].copy_from_slice(&counter.to_be_bytes()[5..]);
    nonce[11] = u8::from(is_last);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use strongroom_keys::SeededEntropy;

    use super::*;

    fn encrypted(lock: &Lock, content: &[u8]) -> Vec<u8> {
        let mut encryptor = Encryptor::new(Vec::new(), lock, &SeededEntropy::new(4)).unwrap();
        encryptor.write_all(content).unwrap();
        encryptor.finish().unwrap()
    }

    fn decrypted(file: &[u8], opener: &Opener) -> Result<Vec<u8>, AgeProblem> {
        let mut content = Vec::new();
        Decryptor::new(file, opener)?.read_to_end(&mut content)?;
        Ok(content)
    }

    fn pair(seed: u64) -> (Recipient, Identity) {
        let identity = Identity::generate(&SeededEntropy::new(seed));
        (identity.recipient().unwrap(), identity)
    }

    #[test]
    fn what_was_encrypted_to_several_opens_for_each_and_nobody_else() {
        let (one, other, stranger) = (pair(1), pair(2), pair(3));
        let lock = Lock::Recipients(vec![one.0, other.0]);
        for length in [
            0,
            1,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
        ] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let file = encrypted(&lock, &content);
            for seed in [1, 2] {
                let opener = Opener::Identities(vec![pair(seed).1]);
                assert!(decrypted(&file, &opener).unwrap() == content, "{length}");
            }
        }
        let file = encrypted(&lock, b"content");
        let opener = Opener::Identities(vec![stranger.1]);
        assert!(matches!(
            decrypted(&file, &opener),
            Err(AgeProblem::WrongIdentity)
        ));
        let opener = Opener::Passphrase(SecretBytes::copy_of(b"x"));
        assert!(matches!(
            decrypted(&file, &opener),
            Err(AgeProblem::OtherWay(_))
        ));
    }

    #[test]
    fn each_flipped_byte_and_each_cut_is_noticed() {
        let (recipient, identity) = pair(1);
        let content = vec![7; CHUNK_BYTES + 100];
        let file = encrypted(&Lock::Recipients(vec![recipient]), &content);
        let opener = Opener::Identities(vec![identity]);
        let places = (0..300)
            .chain((300..file.len()).step_by(997))
            .chain([file.len() - 1]);
        for at in places {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(decrypted(&changed, &opener).is_err(), "byte {at}");
            assert!(decrypted(&file[..at], &opener).is_err(), "cut at {at}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(decrypted(&longer, &opener).is_err());
        // Cut where a chunk ends.
        let end = file.len() - 100 - TAG_BYTES;
        assert!(decrypted(&file[..end], &opener).is_err());
    }

    #[test]
    fn texts_of_others_are_refused() {
        for text in [
            "",
            "age1",
            "age1qqqq",
            "AGE-SECRET-KEY-1QQ",
            "ssh-ed25519 AAAA",
        ] {
            assert!(Recipient::parse(text).is_err(), "{text}");
        }
        let (recipient, _) = pair(9);
        assert_eq!(Recipient::parse(&recipient.to_string()).unwrap(), recipient);
    }

    /// Both ways with the reference program.
    #[test]
    fn the_age_program_opens_our_files_and_we_open_its() {
        let version = Command::new("age").arg("--version").output();
        assert!(
            version.is_ok(),
            "this test needs the age program, which scripts/test installs"
        );
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.txt");
        let made = Command::new("age-keygen")
            .arg("-o")
            .arg(&key)
            .output()
            .unwrap();
        assert!(made.status.success());
        let text = SecretBytes::new(std::fs::read(&key).unwrap());
        let identities = Identity::parse_all(&text).unwrap();
        let recipient = identities[0].recipient().unwrap();
        let run = |arguments: &[&str], input: &[u8]| {
            let mut child = Command::new("age")
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            // Beside it, since the program writes before it has read everything, and pipes hold little.
            let output = std::thread::scope(|scope| {
                scope.spawn(move || stdin.write_all(input).unwrap());
                child.wait_with_output().unwrap()
            });
            assert!(output.status.success());
            output.stdout
        };
        let content = vec![42; 200_000];
        let ours = encrypted(&Lock::Recipients(vec![recipient.clone()]), &content);
        let key = key.to_str().unwrap();
        assert!(run(&["-d", "-i", key], &ours) == content);
        let theirs = run(&["-r", &recipient.to_string()], &content);
        assert!(decrypted(&theirs, &Opener::Identities(identities)).unwrap() == content);
    }

    #[test]
    fn a_passphrase_opens_what_it_encrypted() {
        let passphrase = |text: &str| SecretBytes::copy_of(text.as_bytes());
        let file = encrypted(&Lock::Passphrase(passphrase("correct horse")), b"content");
        let open = |text| decrypted(&file, &Opener::Passphrase(passphrase(text)));
        assert_eq!(open("correct horse").unwrap(), b"content");
        assert!(matches!(
            open("wrong horse"),
            Err(AgeProblem::WrongPassphrase)
        ));
    }
}
