//! Keys and sealed bytes: the types that hold secrets, the keyring, and the root key's seals.
//!
//! The hierarchy, from the outside in. Each arrow is AES-256-GCM, with associated data that says
//! what is sealed and to whom it belongs:
//!
//! ```text
//! seal's key ─▶ root key ─┬▶ backing material of a KMS key's version ─▶ data key ─▶ one value
//!                         ├▶ secret access key
//!                         └▶ token
//! ```
//!
//! A seal's key comes from a key file, a passphrase or a systemd credential; see [`seal`].
//!
//! This room speaks of bytes, encryption contexts and key versions. It may not know what a secret
//! is, who asks, or where sealed bytes rest. The byte layouts are written down in
//! `docs/formats.md`.

mod algorithm;
pub mod allocator;
mod certificate;
mod cipher;
mod digest;
mod durable_file;
mod entropy;
pub mod hardening;
mod import;
mod keyring;
mod material;
pub mod one_time_password;
mod pem;
pub mod seal;
mod secret_bytes;
mod ssh_key;

pub use algorithm::{EncryptionAlgorithm, KeySpec, MacAlgorithm, SigningAlgorithm};
pub use certificate::{
    Authority, AuthorityProblem, CertificateRequest, CertificateUsage, IssueError,
    IssuedCertificate,
};
pub use cipher::{EncryptionContext, OpenError, OpenFailure, Purpose, Sealed};
pub use digest::sha256;
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use import::{ImportProblem, WrappingAlgorithm, WrappingKey};
pub use keyring::{
    CredentialName, DataKey, KeyVersionName, Keyring, NotARootKeyId, RootKey, RootKeyId,
};
pub use material::{
    KeyPairBytes, MaterialId, Message, NewMaterial, UseError, encrypt_with_public_key,
    generate_key_pair, verify,
};
pub use secret_bytes::SecretBytes;
pub use ssh_key::{SshKeyPair, generate_ssh_key_pair};
