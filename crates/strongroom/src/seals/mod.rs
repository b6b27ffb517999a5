//! Seals whose key is kept by something outside of this process: a hardware token, another KMS.

mod kms;
mod pkcs11;

use strongroom_keys::seal::{DeviceProblem, DeviceProblemKind};

pub use kms::{KmsEndpoint, KmsSeal};
pub use pkcs11::{TokenKey, TokenSeal};

/// A problem that stays until someone does something about it.
fn lasting(message: impl Into<String>) -> DeviceProblem {
    DeviceProblem {
        message: message.into(),
        kind: DeviceProblemKind::Lasting,
    }
}

/// A problem that may go away by itself.
fn passing(message: impl Into<String>) -> DeviceProblem {
    DeviceProblem {
        message: message.into(),
        kind: DeviceProblemKind::Passing,
    }
}

/// This seal is another one's; the device itself works.
fn other_seal(message: impl Into<String>) -> DeviceProblem {
    DeviceProblem {
        message: message.into(),
        kind: DeviceProblemKind::OtherSeal,
    }
}
