//! From a core module to a component with the imports and exports it should have.

use wit_component::{ComponentEncoder, DecodedWasm};

use crate::{Component, Error};

/// Wraps `module`, which carries its world's description as `wit-bindgen` wrote it.
///
/// # Errors
///
/// The module does not fit its description, imports what its manifest does not name, or exports anything but
/// what that names.
pub(crate) fn component(component: &Component, module: &[u8]) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Error::Component { component: component.name.clone(), reason };
    let bytes = encode(&component.name, module)?;

    let (resolve, world) =
        match wit_component::decode(&bytes).map_err(|error| refuse(format!("{error:#}")))? {
            DecodedWasm::Component(resolve, world) => (resolve, world),
            DecodedWasm::WitPackage(..) => return Err(refuse("it is a WIT package".to_owned())),
        };
    let Some(world) = resolve.worlds.get(world) else {
        return Err(refuse("it has no world".to_owned()));
    };
    let names = |keys: Vec<_>| -> Vec<String> {
        keys.into_iter().map(|key| short(&resolve.name_world_key(key)).to_owned()).collect()
    };
    for import in names(world.imports.keys().collect()) {
        // `types` has nothing to call.
        if import != "types" && !component.imports.contains(&import) {
            return Err(refuse(format!("imports {import}, which its Cargo.toml does not allow")));
        }
    }
    let (mut exports, mut wanted) = (names(world.exports.keys().collect()), component.exports.clone());
    exports.sort();
    wanted.sort();
    if exports != wanted {
        return Err(refuse(format!("exports {exports:?} instead of {wanted:?}")));
    }
    Ok(bytes)
}

/// Wraps `module`, which carries its world's description as a generator of bindings wrote it, whatever that is.
///
/// # Errors
///
/// The module does not fit its description, or has none.
pub(crate) fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, Error> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| Error::Component { component: name.to_owned(), reason: format!("{error:#}") })
}

/// An interface of ours without package and version; another one's whole name.
fn short(interface: &str) -> &str {
    let own = interface.strip_prefix("vehicle:connector/").and_then(|rest| rest.split_once('@'));
    own.map_or(interface, |(name, _)| name)
}
