//! The surface of a component, told from its bytes: what it imports and exports, and the memory that it begins with.
//!
//! A component from Python compiles for ten seconds and more. What can be refused without that is refused first.

use wasmparser::{BinaryReaderError, Parser, Payload};

/// The interface of policies, without its version.
pub(super) const POLICY: &str = "vehicle:connector/policy";

/// The interface of connectors, without its version.
pub(super) const CONNECTOR: &str = "vehicle:connector/connector";

/// Size of a page of linear memory, in bytes, as a power of two, unless the memory says another (WebAssembly core
/// specification, memory instances).
const PAGE: u32 = 16;

/// What a component shows before it is compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surface {
    /// Interfaces that it imports, in its own order.
    pub imports: Vec<String>,
    /// Interfaces that it exports, in its own order.
    pub exports: Vec<String>,
    /// Size at the beginning of the largest memory that one of its modules declares, in bytes.
    pub memory: u64,
}

impl Surface {
    /// Reads the surface of a component whose bytes were walked through before.
    pub(super) fn of(component: &[u8]) -> Result<Self, BinaryReaderError> {
        let (mut surface, mut depth) = (Self::default(), 0_u32);
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::Version { .. } => depth = depth.saturating_add(1),
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        surface.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        surface.exports.push(export?.name.name.to_owned());
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        let memory = memory?;
                        let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(PAGE));
                        let size = memory.initial.saturating_mul(page.unwrap_or(u64::MAX));
                        surface.memory = surface.memory.max(size);
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// Whether it exports an interface, in whichever version.
    #[must_use]
    pub fn exports(&self, interface: &str) -> bool {
        self.exports.iter().any(|name| without_version(name) == interface)
    }

    /// Whether it is a connector, with or without a policy beside it.
    pub(super) fn is_connector(&self) -> bool {
        self.exports(CONNECTOR)
    }

    /// Returns the whole name of the policy's interface, if this is a layer: a policy that asks another one.
    #[must_use]
    pub fn layer(&self) -> Option<&str> {
        let import = self.imports.iter().find(|name| without_version(name) == POLICY)?;
        (self.exports(POLICY) && !self.is_connector()).then_some(import)
    }
}

/// The name of an interface without its version.
pub(super) fn without_version(interface: &str) -> &str {
    interface.split_once('@').map_or(interface, |(name, _version)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty instance in place of an interface's: only names matter here.
    fn component(imports: &[&str], exports: &[&str], pages: u32) -> Vec<u8> {
        let imports =
            imports.iter().map(|name| format!("(import \"{name}\" (instance))")).collect::<String>();
        let exports =
            exports.iter().map(|name| format!("(export \"{name}\" (instance $none))")).collect::<String>();
        let text = format!(
            "(component {imports} (core module (memory {pages})) \
             (component (import \"inner\" (func)) (core module (memory 1))) \
             (instance $none) {exports})"
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn what_is_inside_of_it_is_not_on_its_surface() {
        let policy = "vehicle:connector/policy@0.2.0";
        let surface = Surface::of(&component(&["wasi:io/error@0.2.0"], &[policy], 3)).unwrap();
        assert_eq!(surface.imports, ["wasi:io/error@0.2.0"]);
        assert_eq!((surface.exports.as_slice(), surface.memory), ([policy.to_owned()].as_slice(), 3 << 16));
        assert!(surface.exports(POLICY) && !surface.is_connector() && surface.layer().is_none());
    }

    #[test]
    fn a_layer_imports_what_it_exports_and_is_no_connector() {
        let (policy, connector) = ("vehicle:connector/policy@0.2.0", "vehicle:connector/connector@0.2.0");
        let layer = Surface::of(&component(&[policy], &[policy], 1)).unwrap();
        assert_eq!(layer.layer(), Some(policy));
        let with_connector = Surface::of(&component(&[policy], &[policy, connector], 1)).unwrap();
        assert_eq!(with_connector.layer(), None);
        assert_eq!(Surface::of(&component(&[policy], &[], 1)).unwrap().layer(), None);
    }
}
