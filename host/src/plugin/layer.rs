//! Layers: policies that import what they export, and ask a policy below them what they do not answer themselves.
//!
//! The host answers the import with the policy that its slot began with. That one is called as any policy is, in a
//! fresh instance with a budget of its own, whose processor time counts for the layer as well. If it does not answer,
//! the layer's call ends with the same fault: a layer cannot mistake a missing answer for one.

use std::sync::Arc;

use wasmtime::component::Linker;

use super::policy::PolicyPlugin;
use crate::bindings::policy::{Attempt, CircuitScope, Failure, SessionView};
use crate::sandbox::Cx;

/// Answers the import `interface` of a layer with the policy below it.
///
/// # Errors
///
/// When the linker has the interface already.
pub(super) fn link(
    linker: &mut Linker<Cx<()>>,
    interface: &str,
    base: &Arc<PolicyPlugin>,
) -> wasmtime::Result<()> {
    /// Links one function: `answer!(instance, "its-name", method, argument: Type)`.
    macro_rules! answer {
        ($instance:ident, $name:literal, $call:ident $(, $argument:ident: $of:ty)?) => {
            let base = Arc::clone(base);
            $instance.func_wrap_async($name, move |_, ($($argument,)?): ($($of,)?)| {
                let base = Arc::clone(&base);
                Box::new(async move { Ok((base.$call($(&$argument)?).await?,)) })
            })?;
        };
    }
    let mut instance = linker.instance(interface)?;
    answer!(instance, "describe", describe);
    answer!(instance, "classify", classify, failure: Failure);
    answer!(instance, "decide", decide, attempt: Attempt);
    answer!(instance, "admit-refresh", admit_refresh, session: SessionView);
    answer!(instance, "circuit", circuit, scope: CircuitScope);
    Ok(())
}
