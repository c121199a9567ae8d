//! Sessions as evcc keeps them: JSON, under the key `bluelink-cci.<brand>.<user>` of its settings.

use serde_json::{Map, Value};

use super::kept::{Kept, Unusable, cci};

/// What the keys of such settings begin with.
const KEY: &str = "bluelink-cci.";

/// Reads a session.
///
/// # Errors
///
/// When it is none.
pub(super) fn read(root: &Map<String, Value>) -> Result<Kept, Unusable> {
    if root.keys().any(|key| key.starts_with(KEY)) {
        return Err(Unusable(format!(
            "it has the key {KEY}… of evcc's settings; give the value of that key alone, which is a JSON object"
        )));
    }
    cci(root, None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_read_and_a_table_is_told_from_it() {
        let value = json!({
            "access_token": "ACCESS-TOKEN", "refresh_token": "R".repeat(87), "expiry": "2026-11-30T12:00:00Z",
            "device_id": "DEVICE-ID", "cci_access_token": "CCI-ACCESS", "exchangeable_token": "EXCHANGEABLE",
            "exchangeable_refresh_token": "EXCHANGEABLE-REFRESH", "non_ccs_token": "NON-CCS-TOKEN",
            "non_ccs_refresh_token": "NON-CCS-REFRESH", "id_token": "ID-TOKEN",
        });
        let kept = read(value.as_object().unwrap()).unwrap();
        assert_eq!(kept.tokens.len(), 8);
        assert_eq!(kept.tokens["cci-refresh-token"], "R".repeat(87));
        assert_eq!(kept.session, json!({"family": "cci", "route": "signed", "device": "DEVICE-ID"}));
        let table = json!({"bluelink-cci.kia.owner@example.org": value});
        let why = read(table.as_object().unwrap()).unwrap_err().to_string();
        assert!(why.contains("the value of that key alone") && !why.contains("owner"), "{why}");
    }
}
