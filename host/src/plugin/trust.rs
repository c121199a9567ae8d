//! Which components may be loaded at all: pins, and signatures.
//!
//! Signatures are those of minisign: Ed25519 over the BLAKE2b-512 of the component, detached, with a trusted comment that
//! is signed too. What the program itself carries needs none.

use std::collections::BTreeMap;

use minisign_verify::Signature;

use crate::digest::Digest;

/// A key that components may be signed with.
#[derive(Clone)]
pub struct PublicKey {
    /// As in the configuration.
    text: String,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Reads a key as `minisign -G` prints it: 56 characters of base64, beginning with `RW`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = minisign_verify::PublicKey::from_base64(text).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), key })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.text)
    }
}

/// What the configuration says of components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trust {
    /// The only component that a slot may have, by the slot's name.
    pub pins: BTreeMap<String, Digest>,
    /// Whether a component must be signed.
    pub require_signature: bool,
    /// By one of these keys.
    pub keys: Vec<PublicKey>,
}

/// Why a component may not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The slot is for another component.
    #[error(
        "the configuration pins {slot} to sha256 {pinned}, and this is {digest}; change sha256 there, or remove it"
    )]
    Pinned {
        /// The slot.
        slot: String,
        /// What it is for.
        pinned: Digest,
        /// What this is.
        digest: Digest,
    },
    /// It has no signature.
    #[error(
        "it has no signature, and the configuration requires one (plugins.require_signature); sign it with \
             `minisign -Sm FILE.wasm` and keep FILE.wasm.minisig beside it"
    )]
    Unsigned,
    /// What came with it is no signature.
    #[error("its signature cannot be read: {0}; a minisign signature file has four lines")]
    NoSignature(String),
    /// It is not signed by anybody who is trusted.
    #[error(
        "its signature is by none of the {keys} key(s) in plugins.public_keys, or the component was changed"
    )]
    NotOurs {
        /// How many keys were tried.
        keys: usize,
    },
}

impl Trust {
    /// Whether this component may be in this slot.
    ///
    /// # Errors
    ///
    /// When the slot is pinned to another one.
    pub fn pinned(&self, slot: &str, digest: Digest) -> Result<(), TrustError> {
        match self.pins.get(slot) {
            Some(pinned) if *pinned != digest => {
                Err(TrustError::Pinned { slot: slot.to_owned(), pinned: *pinned, digest })
            }
            _ => Ok(()),
        }
    }

    /// Whether it is signed as it must be. A signature that is there must be good even if none is required: one that
    /// is not tells that something is wrong.
    ///
    /// # Errors
    ///
    /// See [`TrustError`].
    pub fn signed(&self, component: &[u8], signature: Option<&str>) -> Result<(), TrustError> {
        let Some(signature) = signature else {
            return if self.require_signature { Err(TrustError::Unsigned) } else { Ok(()) };
        };
        if self.keys.is_empty() && !self.require_signature {
            // Nobody has said whose signatures are good.
            return Ok(());
        }
        let signature =
            Signature::decode(signature).map_err(|error| TrustError::NoSignature(error.to_string()))?;
        // Not the older form that signs the component itself and not its hash.
        match self.keys.iter().any(|key| key.key.verify(component, &signature, false).is_ok()) {
            true => Ok(()),
            false => Err(TrustError::NotOurs { keys: self.keys.len() }),
        }
    }
}
