//! The table of components.

/// A component that the host embeds.
#[derive(Debug)]
pub struct Component {
    /// The name of its file in `guest/dist`, without `.wasm`.
    pub name: &'static str,
    /// The package that it is built from, which is also the artifact's name.
    pub package: &'static str,
    /// The folder of that package, from the workspace's root.
    pub folder: &'static str,
    /// The size of its shadow stack in bytes. A page that is touched has to be paid for in every call, so it
    /// is as small as the code allows.
    pub stack: u32,
    /// The interfaces that it may import.
    pub imports: &'static [&'static str],
    /// The interfaces that it must export, and no others.
    pub exports: &'static [&'static str],
}

impl Component {
    /// The name of its file in `guest/dist`.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.wasm", self.name)
    }
}

const POLICY: &str = "vehicle:connector/policy@0.1.0";

/// All components, in the order in which they are built.
pub static COMPONENTS: &[Component] = &[
    Component {
        name: "policy",
        package: "default-policy",
        folder: "guest/policies/default",
        stack: 32 * 1024,
        imports: &[],
        exports: &[POLICY],
    },
    Component {
        name: "four-phrases",
        package: "four-phrases",
        folder: "guest/policies/four-phrases",
        stack: 32 * 1024,
        imports: &[],
        exports: &[POLICY],
    },
    Component {
        name: "hyundai-kia",
        package: "hyundai-kia",
        folder: "guest/connectors/hyundai-kia-eu",
        // serde_json goes up to 127 levels deep into what the cloud answers, which was measured to overflow
        // 32 KiB and to fit into 64 KiB; the rest is for its callers.
        stack: 96 * 1024,
        imports: &[
            "vehicle:connector/clock@0.1.0",
            "vehicle:connector/http@0.1.0",
            "vehicle:connector/lock@0.1.0",
            "vehicle:connector/log@0.1.0",
            "vehicle:connector/mqtt@0.1.0",
            // Types only; there is nothing to call in it.
            "vehicle:connector/types@0.1.0",
        ],
        exports: &["vehicle:connector/connector@0.1.0", POLICY],
    },
];
