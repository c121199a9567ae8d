//! The policies that take turns.

use vehicle_connector::plugin::{Compiled, Plugins, embedded};
use vehicle_connector::sandbox::Sandbox;

use crate::guests;

/// Which policy decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The one that the connector ships with.
    Default,
    /// What the replaced service did.
    FourPhrases,
    /// Passes its trial and traps whenever it has to decide.
    Trapping,
    /// Takes every failure for one that passes and wants everything to be sent again at once.
    Eager,
}

/// All of them, compiled once for all schedules.
#[derive(Debug)]
pub struct Policies {
    plugins: Plugins,
    four_phrases: Compiled,
    trapping: Compiled,
    eager: Compiled,
}

impl Policies {
    /// Compiles them.
    pub fn compile() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let sandbox = Sandbox::uninterrupted().unwrap();
            let compiled = async |component: &[u8]| Compiled::of(&sandbox, component).await.unwrap();
            Self {
                four_phrases: compiled(embedded::FOUR_PHRASES).await,
                trapping: compiled(&module("unreachable")).await,
                eager: compiled(&module("(i32.store8 (i32.const 1024) (i32.const 2)) (i32.const 1024)"))
                    .await,
                plugins: Plugins::embedded(sandbox.clone()).await.unwrap(),
            }
        })
    }

    /// What a host starts with that has chosen this one.
    pub fn starting_with(&self, choice: Choice) -> Plugins {
        Plugins { policy: Some(self.choose(choice).clone()), ..self.plugins.clone() }
    }

    /// The chosen one.
    pub fn choose(&self, choice: Choice) -> &Compiled {
        match choice {
            Choice::Default => &self.plugins.connector,
            Choice::FourPhrases => &self.four_phrases,
            Choice::Trapping => &self.trapping,
            Choice::Eager => &self.eager,
        }
    }
}

/// A policy that decides like this. It passes its trial: a failure is an expired token, but for what happens during a
/// refresh (1); that is unknown (11). It admits every refresh and opens no circuit.
fn module(decide: &str) -> Vec<u8> {
    let interface = "vehicle:connector/policy@0.1.0";
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (data (i32.const 16) "\40\00\00\00" "\04\00\00\00" "\47\00\00\00" "\05\00\00\00")
            (data (i32.const 64) "wild   0.1.0")
            (global $free (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
              (local $place i32)
              (local.set $place (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
              (global.set $free (i32.add (local.get $place) (local.get 3)))
              (local.get $place))
            (func (export "{interface}#describe") (result i32) (i32.const 16))
            (func (export "{interface}#classify") (param $failure i32) (result i32)
              (i32.store8 (i32.const 1024)
                (select (i32.const 11) (i32.const 0)
                  (i32.eq (i32.load8_u offset=17 (local.get $failure)) (i32.const 1))))
              (i32.const 1024))
            (func (export "{interface}#decide") (param i32) (result i32) {decide})
            (func (export "{interface}#admit-refresh")
              (param i32 i32 i32 i64 i32 i64 i32 i64 i32 i32 i64 i32 i64 i32 i64) (result i32)
              (i32.const 1024))
            (func (export "{interface}#circuit") (param i32 i32 i32) (result i32) (i32.const 1024)))"#
    );
    let (resolve, world) = guests::world("policy-module");
    guests::component(wat::parse_str(module).unwrap(), &resolve, world)
}
