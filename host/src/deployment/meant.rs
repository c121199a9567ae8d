//! The slot that is meant by a component for which none was named.

use super::slots::Slots;
use super::{Offer, Offered, Refusal};
use crate::plugin::{ActivationError, Asking, Compiled, Pluggable, PluginKind};
use crate::sandbox::LARGEST_COMPONENT;

impl Slots {
    /// Returns the slot of the name that a connector gives itself, and the connector compiled; none if it is clear
    /// which slot is meant. Its signature is checked before anything of it is compiled.
    ///
    /// # Errors
    ///
    /// When it cannot be asked for its name, or there is no slot of that name.
    pub(super) async fn meant(
        &self,
        kind: PluginKind,
        slot: Option<&str>,
        offer: &Offer,
    ) -> Result<Option<(String, Offer)>, Refusal> {
        let any = match kind {
            PluginKind::Connector if slot.is_none() && self.connectors.len() > 1 => {
                self.connectors.values().next()
            }
            _ => None,
        };
        let Some(any) = any else { return Ok(None) };
        let compiled = match &offer.component {
            Offered::Compiled(compiled) => compiled.clone(),
            Offered::Bytes(bytes) if bytes.len() > LARGEST_COMPONENT => {
                return Err(ActivationError::TooLarge { size: bytes.len() }.into());
            }
            Offered::Bytes(bytes) => {
                self.trust().signed(bytes, offer.signature.as_deref())?;
                Compiled::of(any.sandbox(), bytes).await?
            }
        };
        let Asking { name, .. } = Asking::of(any.sandbox(), &compiled).await?;
        if !self.connectors.contains_key(&name) {
            let known: Vec<&str> = self.connectors.keys().map(String::as_str).collect();
            return Err(Refusal::InvalidRequest(format!(
                "the component calls itself {name:?}, and no connector of that name runs here; name the slot that it is \
                 for (`--slot NAME`): {}",
                known.join(", ")
            )));
        }
        let offer = Offer { component: Offered::Compiled(compiled), ..offer.clone() };
        Ok(Some((name, offer)))
    }
}
