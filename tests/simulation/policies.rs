//! The policies that take turns.

use testkit::handmade::policy::{always, policy_deciding};
use vehicle_connector::plugin::{Compiled, Plugins, embedded};
use vehicle_connector::sandbox::Sandbox;

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
                trapping: compiled(&policy_deciding("unreachable")).await,
                eager: compiled(&policy_deciding(&always("retry"))).await,
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
            Choice::Default => self.plugins.policy().expect("the host carries one"),
            Choice::FourPhrases => &self.four_phrases,
            Choice::Trapping => &self.trapping,
            Choice::Eager => &self.eager,
        }
    }
}
