//! Names of the interfaces that a component imports and exports.

use wasmtime::component::Component;

use super::Compiled;

impl Compiled {
    /// Interfaces that the component imports, in its own order.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let engine = self.component.engine();
        self.component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Interfaces that the component exports, in its own order.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        let engine = self.component.engine();
        self.component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Whether a policy is in it, alone or beside a connector.
    pub(super) fn exports_policy(&self) -> bool {
        let name = |export: &String| export.split('@').next() == Some("vehicle:connector/policy");
        self.exports().iter().any(name)
    }

    /// The component, to be linked in other ways than slots do.
    pub(crate) fn component(&self) -> &Component {
        &self.component
    }
}
