//! Trust in components: pins, and signatures.
//!
//! Signatures are those of minisign: Ed25519 over the BLAKE2b-512 of the component, detached, with a trusted
//! comment that is signed too. A component that the program itself carries needs none.

use std::collections::BTreeMap;

use minisign_verify::Signature;

use crate::digest::Digest;

/// A key that components may be signed with.
#[derive(Clone)]
pub struct PublicKey {
    /// Text of the key in the configuration.
    text: String,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Reads a key as `minisign -G` prints it: 56 characters of base64, beginning with `RW`.
    ///
    /// # Errors
    ///
    /// A description of what is wrong with the key.
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

/// Settings of the configuration about components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trust {
    /// Only component that a slot may have, by the slot's name.
    pub pins: BTreeMap<String, Digest>,
    /// Whether a component must be signed.
    pub require_signature: bool,
    /// Keys of which one must have signed it.
    pub keys: Vec<PublicKey>,
}

/// Reason why a component may not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The slot is for another component.
    #[error(
        "the configuration pins {slot} to sha256 {pinned}, and this is {digest}; change sha256 there, or remove it"
    )]
    Pinned {
        /// Name of the slot.
        slot: String,
        /// Digest that the slot is pinned to.
        pinned: Digest,
        /// Digest of this component.
        digest: Digest,
    },
    /// The component has no signature.
    #[error(
        "it has no signature, and the configuration requires one (plugins.require_signature); sign it with \
             `minisign -Sm FILE.wasm` and keep FILE.wasm.minisig beside it"
    )]
    Unsigned,
    /// The accompanying text is not a signature.
    #[error("its signature cannot be read: {0}; a minisign signature file has four lines")]
    NoSignature(String),
    /// The signature is by none of the trusted keys.
    #[error(
        "its signature is by none of the {keys} key(s) in plugins.public_keys, or the component was changed"
    )]
    NotOurs {
        /// Number of keys that were tried.
        keys: usize,
    },
}

impl Trust {
    /// Checks whether this component may be in this slot.
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

    /// Checks whether the component is signed as it must be. A signature that comes with it must be good even
    /// if none is required: a bad one shows that something is wrong.
    ///
    /// # Errors
    ///
    /// See [`TrustError`].
    pub fn signed(&self, component: &[u8], signature: Option<&str>) -> Result<(), TrustError> {
        let Some(signature) = signature else {
            return if self.require_signature { Err(TrustError::Unsigned) } else { Ok(()) };
        };
        if self.keys.is_empty() && !self.require_signature {
            // There are no keys to check it with.
            return Ok(());
        }
        let signature =
            Signature::decode(signature).map_err(|error| TrustError::NoSignature(error.to_string()))?;
        // The older form, which signs the component itself instead of its hash, is not accepted.
        if self.keys.iter().any(|key| key.key.verify(component, &signature, false).is_ok()) {
            Ok(())
        } else {
            Err(TrustError::NotOurs { keys: self.keys.len() })
        }
    }
}
