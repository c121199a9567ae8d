//! Reference material beside the project: tests that read it are skipped where it is absent.

use std::path::Path;

use serde_json::Value;

/// Returns reference material as text; none where it is absent and the environment does not insist.
pub fn shared(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(std::env::var_os("REQUIRE_SHARED").is_none(), "{} is absent", path.display());
        println!("skipped: {} is absent", path.display());
        return None;
    };
    Some(text)
}

/// Returns a table; none where it is absent and the environment does not insist.
pub fn table(name: &str) -> Option<Value> {
    shared(&format!("tables/{name}")).map(|text| serde_json::from_str(&text).unwrap())
}
