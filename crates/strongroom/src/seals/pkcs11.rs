//! A hardware token as a seal, through its PKCS #11 module: an AES key on the token, which never leaves it,
//! wraps the seal's key. The PIN is tried once: tokens lock themselves after a few wrong ones.

use std::fmt;
use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use strongroom_keys::seal::{DeviceProblem, SealDevice};
use strongroom_keys::{Entropy as _, SecretBytes, SystemEntropy};

use super::{lasting, other_seal, passing};

const NONCE_BYTES: usize = 12;
const TAG_BITS: u64 = 128;
const KEY_BYTES: u64 = 32;
/// So that the token's key, if it is used for something else as well, opens nothing else here.
const ASSOCIATED_DATA: &[u8] = b"strongroom seal key";

/// Which key on which token.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// The vendor's PKCS #11 module, a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The key's label on the token; it is made where it is missing.
    pub key: String,
}

/// A token with its PIN.
pub struct TokenSeal {
    at: TokenKey,
    pin: SecretBytes,
}

impl TokenSeal {
    /// A token that is to be opened with a PIN.
    #[must_use]
    pub fn new(at: TokenKey, pin: SecretBytes) -> Self {
        TokenSeal { at, pin }
    }

    fn session(&self) -> Result<Session, DeviceProblem> {
        let module = self.at.module.display();
        let context = Pkcs11::new(&self.at.module).map_err(|error| {
            lasting(format!(
                "the PKCS #11 module {module} can't be loaded ({error}): install the token's software, or correct \
                 seal.pkcs11_module"
            ))
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match context.initialize(arguments) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => {
                return Err(lasting(format!(
                    "the PKCS #11 module {module} doesn't start ({error})"
                )));
            }
        }
        let slots = context
            .get_slots_with_token()
            .map_err(|error| self.problem(&error))?;
        let slot = slots.into_iter().find(|slot| {
            context
                .get_token_info(*slot)
                .is_ok_and(|token| token.label().trim_end() == self.at.token)
        });
        let Some(slot) = slot else {
            return Err(passing(format!(
                "there is no token {:?}: plug it in, or correct seal.pkcs11_token",
                self.at.token
            )));
        };
        let info = context
            .get_token_info(slot)
            .map_err(|error| self.problem(&error))?;
        if info.user_pin_locked() {
            return Err(lasting(format!(
                "the token {:?} is locked after too many wrong PINs: unlock it with its security officer's PIN",
                self.at.token
            )));
        }
        if info.user_pin_final_try() {
            return Err(lasting(format!(
                "the token {:?} has one try left before it locks itself, so the PIN isn't tried: log in once by hand \
                 with the right one",
                self.at.token
            )));
        }
        let session = context
            .open_rw_session(slot)
            .map_err(|error| self.problem(&error))?;
        let pin = String::from_utf8_lossy(self.pin.expose()).into_owned();
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => Err(lasting(format!(
                "the PIN of token {:?} is wrong; it was tried once, since tokens lock themselves after a few wrong \
                     ones: correct it before the next start",
                self.at.token
            ))),
            Err(error) => Err(self.problem(&error)),
        }
    }

    fn find(&self, session: &Session) -> Result<Option<ObjectHandle>, DeviceProblem> {
        let found = session.find_objects(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Label(self.at.key.as_bytes().to_vec()),
        ]);
        let found = found.map_err(|error| self.problem(&error))?;
        Ok(found.into_iter().next())
    }

    /// A key that the token keeps to itself.
    fn make(&self, session: &Session) -> Result<ObjectHandle, DeviceProblem> {
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(KEY_BYTES.into()),
            Attribute::Label(self.at.key.as_bytes().to_vec()),
        ];
        let made = session.generate_key(&Mechanism::AesKeyGen, &template);
        made.map_err(|error| self.problem(&error))
    }

    fn problem(&self, error: &Error) -> DeviceProblem {
        let token = &self.at.token;
        match error {
            Error::Pkcs11(
                RvError::TokenNotPresent | RvError::DeviceRemoved | RvError::DeviceError,
                _,
            ) => passing(format!(
                "the token {token:?} doesn't answer ({error}): plug it in again"
            )),
            error => lasting(format!("the token {token:?} refuses ({error})")),
        }
    }
}

impl SealDevice for TokenSeal {
    fn kind(&self) -> &'static str {
        "PKCS #11 token"
    }

    fn name(&self) -> String {
        format!("{}, key {}", self.at.token, self.at.key)
    }

    fn wrap(&self, key: &SecretBytes) -> Result<Vec<u8>, DeviceProblem> {
        let session = self.session()?;
        let handle = match self.find(&session)? {
            Some(handle) => handle,
            None => self.make(&session)?,
        };
        let mut nonce = [0; NONCE_BYTES];
        SystemEntropy.fill(&mut nonce);
        let mut iv = nonce;
        let mechanism = mechanism(&mut iv)?;
        let sealed = session
            .encrypt(&mechanism, handle, key.expose())
            .map_err(|error| self.problem(&error))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, DeviceProblem> {
        let session = self.session()?;
        let Some(handle) = self.find(&session)? else {
            return Err(lasting(format!(
                "the token {:?} has no key {:?}: it is another token, or was wiped; use another seal",
                self.at.token, self.at.key
            )));
        };
        let Some((nonce, sealed)) = wrapped.split_first_chunk::<NONCE_BYTES>() else {
            return Err(other_seal(
                "the seal file's wrapped key is too short: restore it from a backup",
            ));
        };
        let mut iv = *nonce;
        let mechanism = mechanism(&mut iv)?;
        match session.decrypt(&mechanism, handle, sealed) {
            Ok(key) => Ok(SecretBytes::new(key)),
            Err(Error::Pkcs11(RvError::EncryptedDataInvalid | RvError::GeneralError, _)) => {
                Err(other_seal(format!(
                    "the key {:?} of token {:?} doesn't open this seal: it is another key of that name, or the seal \
                     file was changed",
                    self.at.key, self.at.token
                )))
            }
            Err(error) => Err(self.problem(&error)),
        }
    }
}

fn mechanism(iv: &mut [u8; NONCE_BYTES]) -> Result<Mechanism<'_>, DeviceProblem> {
    let parameters = GcmParams::new(iv, ASSOCIATED_DATA, TAG_BITS.into());
    let parameters = parameters.map_err(|error| lasting(error.to_string()))?;
    Ok(Mechanism::AesGcm(parameters))
}

impl fmt::Debug for TokenSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSeal({:?})", self.at)
    }
}
