//! Components that are made on the spot, without a toolchain.

pub mod alone;
pub mod connector;
pub mod layout;
pub mod policy;
#[cfg(test)]
mod tests;
pub mod text;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

use crate::root;

/// A world of `wit/`.
pub fn world(name: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// Returns a world where a file of `wit/` has `to` in the place of `from`.
pub fn altered_world(name: &str, file: &str, from: &str, to: &str) -> (Resolve, WorldId) {
    let copies = tempfile::tempdir().unwrap();
    for original in std::fs::read_dir(root().join("wit")).unwrap() {
        let original = original.unwrap();
        if !original.path().is_file() {
            continue;
        }
        let text = std::fs::read_to_string(original.path()).unwrap();
        let text = if original.file_name() == file {
            assert!(text.contains(from), "{file} does not say: {from}");
            text.replace(from, to)
        } else {
            text
        };
        std::fs::write(copies.path().join(original.file_name()), text).unwrap();
    }
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(copies.path()).unwrap();
    let world = resolve.select_world(&[package], Some(name)).unwrap();
    (resolve, world)
}

/// Makes a component of a world that traps whatever is asked of it.
pub fn trapping(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    component(dummy_module(resolve, world, ManglingAndAbi::Standard32), resolve, world)
}

/// Makes the component of a core module that has the imports and exports of the world.
pub fn component(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Vec<u8> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

/// Makes the component of the Hyundai/Kia connector anew under another name of the same length.
pub fn renamed(component: &[u8], name: &str) -> Vec<u8> {
    const NAME: &[u8] = b"hyundai-kia-eu";
    assert_eq!(name.len(), NAME.len());
    let mut renamed = component.to_vec();
    let places: Vec<usize> =
        (0..renamed.len() - NAME.len()).filter(|&at| renamed[at..].starts_with(NAME)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| renamed[at..at + NAME.len()].copy_from_slice(name.as_bytes()));
    renamed
}

/// Makes the component anew with another digest: a custom section at its end changes nothing else.
pub fn variant(component: &[u8], number: u32) -> Vec<u8> {
    let mut section = vec![4];
    section.extend(b"test");
    section.extend(number.to_le_bytes());
    let mut varied = component.to_vec();
    // Kind of a section (0 is custom) and its length.
    varied.extend([0, u8::try_from(section.len()).unwrap()]);
    varied.extend(section);
    varied
}
