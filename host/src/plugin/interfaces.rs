//! Names of the interfaces that a component imports and exports.

use wasmtime::component::Component;

use super::Compiled;
use super::surface::{POLICY, Surface};

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

    /// What it imports and exports. The memory that it begins with is not in compiled code, and is 0 here.
    pub(super) fn shown(&self) -> Surface {
        Surface { imports: self.imports(), exports: self.exports(), memory: 0 }
    }

    /// Whether a policy is in it, alone or beside a connector.
    pub(super) fn exports_policy(&self) -> bool {
        self.shown().exports(POLICY)
    }

    /// Whether it is a layer: a policy that asks another one, which the host supplies.
    #[must_use]
    pub fn is_layer(&self) -> bool {
        self.shown().layer().is_some()
    }

    /// The component, to be linked in other ways than slots do.
    pub(crate) fn component(&self) -> &Component {
        &self.component
    }
}
