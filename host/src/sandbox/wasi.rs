//! WASI for components from languages that cannot do without it, granting nothing.
//!
//! Such a component imports clocks, randomness, files and sockets because its language's runtime does, not
//! because it needs them. Here it finds all of them with nothing behind: no files, no environment, no
//! arguments, no network, and a closed input. Its outputs go to the host's log, within the limits of the
//! call.
//!
//! Clocks stand still and randomness begins anew with every call, so that a policy with WASI is still a pure
//! function: the same question has the same answer, today and in a replay. The same holds for connectors; the
//! time that they need comes from `clock`.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};

use super::output::Output;
use super::{Cx, Lines};

/// Interfaces of WASI 0.2 that are linked, without the `wasi:` before them.
const INTERFACES: [&str; 27] = [
    "cli/environment",
    "cli/exit",
    "cli/stderr",
    "cli/stdin",
    "cli/stdout",
    "cli/terminal-input",
    "cli/terminal-output",
    "cli/terminal-stderr",
    "cli/terminal-stdin",
    "cli/terminal-stdout",
    "clocks/monotonic-clock",
    "clocks/wall-clock",
    "filesystem/preopens",
    "filesystem/types",
    "io/error",
    "io/poll",
    "io/streams",
    "random/insecure",
    "random/insecure-seed",
    "random/random",
    "sockets/instance-network",
    "sockets/ip-name-lookup",
    "sockets/network",
    "sockets/tcp",
    "sockets/tcp-create-socket",
    "sockets/udp",
    "sockets/udp-create-socket",
];

/// Whether an import is one of the WASI interfaces that any component may have.
pub(crate) fn provides(import: &str) -> bool {
    let Some((interface, version)) = import.strip_prefix("wasi:").and_then(|name| name.split_once('@'))
    else {
        return false;
    };
    INTERFACES.contains(&interface) && version.starts_with("0.2.")
}

/// Links WASI, if the component imports any of it.
///
/// # Errors
///
/// When the linker has some of it already.
pub(crate) fn link<T: Send + 'static>(
    linker: &mut Linker<Cx<T>>,
    component: &Component,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let wanted = component.component_type().imports(&engine).any(|(name, _)| provides(name));
    if wanted { wasmtime_wasi::p2::add_to_linker_async(linker) } else { Ok(()) }
}

/// Links WASI, and answers every other import with a trap.
///
/// `define_unknown_imports_as_traps` is not used: it looks names up by their exact version, and would put its
/// traps before the functions linked here in a compatible one.
///
/// # Errors
///
/// When the component imports a module or a component.
pub(crate) fn link_alone<T: Send + 'static>(
    linker: &mut Linker<Cx<T>>,
    component: &Component,
) -> wasmtime::Result<()> {
    link(linker, component)?;
    let engine = linker.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        if !provides(name) {
            trap(&mut linker.root(), name, &import.ty, &engine)?;
        }
    }
    Ok(())
}

fn trap<T: Send + 'static>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    item: &ComponentItem,
    engine: &wasmtime::Engine,
) -> wasmtime::Result<()> {
    match item {
        ComponentItem::ComponentFunc(_) => {
            let called = name.to_owned();
            linker.func_new(name, move |_, _, _, _| {
                Err(wasmtime::format_err!("{called:?} is not given to a component in this place"))
            })
        }
        ComponentItem::ComponentInstance(instance) => {
            let mut inner = linker.instance(name)?;
            for (name, export) in instance.exports(engine) {
                trap(&mut inner, name, &export.ty, engine)?;
            }
            Ok(())
        }
        ComponentItem::Resource(_) => linker.resource(name, ResourceType::host::<()>(), |_, _| Ok(())),
        ComponentItem::Type(_) => Ok(()),
        ComponentItem::CoreFunc(_) | ComponentItem::Module(_) | ComponentItem::Component(_) => {
            Err(wasmtime::format_err!("{name:?} is an import of a kind that there is nothing for"))
        }
    }
}

/// The WASI of a call: empty until the guest asks for it.
#[derive(Default)]
pub(super) struct Wasi(Option<Box<WasiCtx>>);

impl fmt::Debug for Wasi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wasi").field(&self.0.as_ref().map(|_| ..)).finish()
    }
}

impl<T: Send + 'static> WasiView for Cx<T> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (lines, most_random) = (&self.lines, self.budget.transfer);
        let ctx = self.wasi.0.get_or_insert_with(|| Box::new(granting_nothing(lines, most_random)));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// Makes a context that grants nothing. The builder's own defaults leave out files, environment, arguments,
/// input and network; clocks and randomness would come from the machine.
fn granting_nothing(lines: &Arc<Lines>, most_random: usize) -> WasiCtx {
    WasiCtxBuilder::new()
        .stdout(Output::stdout(lines))
        .stderr(Output::stderr(lines))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .wall_clock(Frozen)
        .monotonic_clock(Frozen)
        .secure_random(Deterministic::new(RANDOM.clone()))
        .insecure_random(Deterministic::new(RANDOM.clone()))
        .insecure_random_seed(0x7665_6869_636c_6520_636f_6e6e_6563_746f)
        .max_random_size(u64::try_from(most_random).unwrap_or(u64::MAX))
        .build()
}

/// Bytes without a pattern, the same in every call and every version of the host.
static RANDOM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0_u8..128)
        .flat_map(|n| Sha256::digest([b"vehicle-connector randomness ".as_slice(), &[n]].concat()))
        .collect()
});

/// Clocks that stand still.
struct Frozen;

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Returns 2000-01-01T00:00:00Z: too far back to be mistaken for the present, and late enough for formats
    /// that begin in 1980.
    fn now(&self) -> Duration {
        Duration::from_secs(946_684_800)
    }
}

impl HostMonotonicClock for Frozen {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    /// Returns a day, in nanoseconds: programs subtract from it and expect that to be possible.
    fn now(&self) -> u64 {
        86_400 * 1_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provides_what_grants_nothing() {
        for import in
            ["wasi:cli/environment@0.2.0", "wasi:io/streams@0.2.3", "wasi:sockets/udp-create-socket@0.2.6"]
        {
            assert!(provides(import), "{import}");
        }
        for import in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment",
            "wasi:clocks/timezone@0.2.0",
            "vehicle:connector/http@0.1.0",
        ] {
            assert!(!provides(import), "{import}");
        }
    }
}
