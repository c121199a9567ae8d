//! Field cases: components that are made to hurt.

mod bombs;
mod child;
mod registry;

use vehicle_connector::plugin::{ActivationError, Compiled};
use vehicle_connector::sandbox::{Compiler, CompilerLimits, Sandbox};

/// The identifiers that these tables answer.
pub(super) const IDS: [&[&str]; 3] = [bombs::IDS, child::IDS, registry::IDS];

/// The program, which has the command that compiles.
const PROGRAM: &str = env!("CARGO_BIN_EXE_vehicle-connector-under-test");

/// Compiles a component in a child of this program within this.
async fn compile(
    program: &str,
    allowance: CompilerLimits,
    component: &[u8],
) -> Result<Compiled, ActivationError> {
    let sandbox = Sandbox::new().unwrap().with_compiler(Compiler::in_child(program, allowance));
    Compiled::of(&sandbox, component).await
}

/// What is said of a component before any compiler is asked; none if one would be.
async fn objection(component: &[u8]) -> Option<String> {
    match compile("/nowhere/there/is/no/compiler", CompilerLimits::COMPILING, component).await {
        Err(ActivationError::NotCompiled(_)) => None,
        Err(error) => Some(error.to_string()),
        Ok(_) => panic!("compiled without a compiler"),
    }
}
