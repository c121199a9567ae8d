//! From a core module to a component with the imports and exports it should have.

use wit_component::{ComponentEncoder, DecodedWasm};

use crate::{Component, Error};

/// Wraps `module`, which carries its world's description as `wit-bindgen` wrote it.
///
/// # Errors
///
/// The module does not fit its description, imports what the table does not allow, or exports anything but
/// what the table demands.
pub(crate) fn component(component: &'static Component, module: &[u8]) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Error::Component { component: component.name, reason };
    let bytes = ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| refuse(format!("{error:#}")))?;

    let (resolve, world) =
        match wit_component::decode(&bytes).map_err(|error| refuse(format!("{error:#}")))? {
            DecodedWasm::Component(resolve, world) => (resolve, world),
            DecodedWasm::WitPackage(..) => return Err(refuse("it is a WIT package".to_owned())),
        };
    let Some(world) = resolve.worlds.get(world) else {
        return Err(refuse("it has no world".to_owned()));
    };
    let names =
        |keys: Vec<_>| -> Vec<String> { keys.into_iter().map(|key| resolve.name_world_key(key)).collect() };
    for import in names(world.imports.keys().collect()) {
        if !component.imports.contains(&import.as_str()) {
            return Err(refuse(format!("imports {import}, which it may not")));
        }
    }
    let mut exports = names(world.exports.keys().collect());
    exports.sort();
    if exports != component.exports {
        return Err(refuse(format!("exports {exports:?} instead of {:?}", component.exports)));
    }
    Ok(bytes)
}
