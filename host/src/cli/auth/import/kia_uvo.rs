//! Sessions as Home Assistant's integration kia_uvo keeps them: in `data.token` of its config entry. Taken as the whole
//! file of all entries, as one entry, or as that object alone.

use serde_json::{Map, Value};

use super::kept::{Kept, Unusable, cci};

/// The domain of the integration.
const DOMAIN: &str = "kia_uvo";

/// The brands, by the numbers that the integration has for them.
const BRANDS: [(u64, &str); 3] = [(1, "kia"), (2, "hyundai"), (3, "genesis")];

/// Reads a session. `wanted` is the `entry_id` of the entry, if the file has several.
///
/// # Errors
///
/// When there is none, or when there are several and none was named.
pub(super) fn read(root: &Map<String, Value>, wanted: Option<&str>) -> Result<Kept, Unusable> {
    let entries = root.get("data").and_then(|data| data.get("entries"));
    let entry = match entries {
        Some(entries) => chosen(entries, wanted)?,
        None if wanted.is_some_and(|wanted| Some(wanted) != id(root)) => {
            return Err(Unusable("it is one entry, and not the one of that entry_id".to_owned()));
        }
        None => root,
    };
    let brand = entry.get("data").and_then(|data| data.get("brand")).and_then(Value::as_u64);
    let brand = brand.and_then(|number| BRANDS.iter().find(|(it, _)| *it == number)).map(|(_, brand)| *brand);
    match entry.get("data") {
        Some(Value::Object(data)) => match data.get("token") {
            Some(Value::Object(token)) => cci(token, brand),
            Some(_) => Err(Unusable("data.token is no object".to_owned())),
            None => Err(Unusable(
                "data.token is missing: the integration has not signed in, or is too old".to_owned(),
            )),
        },
        Some(_) => Err(Unusable("data is no object".to_owned())),
        None => cci(entry, brand),
    }
}

/// Returns the entry that is meant.
fn chosen<'r>(entries: &'r Value, wanted: Option<&str>) -> Result<&'r Map<String, Value>, Unusable> {
    let Value::Array(entries) = entries else {
        return Err(Unusable("data.entries is no list".to_owned()));
    };
    let entries = entries.iter().filter_map(Value::as_object);
    let ours: Vec<_> =
        entries.filter(|entry| entry.get("domain").and_then(Value::as_str) == Some(DOMAIN)).collect();
    let ids = || ours.iter().filter_map(|entry| id(entry)).collect::<Vec<_>>().join(", ");
    match (ours.as_slice(), wanted) {
        ([], _) => Err(Unusable(format!("it has no entry of the integration {DOMAIN}"))),
        (_, Some(wanted)) => {
            let found = ours.iter().find(|entry| id(entry) == Some(wanted)).copied();
            found.ok_or_else(|| {
                Unusable(format!("it has no entry of {DOMAIN} with that entry_id; there are: {}", ids()))
            })
        }
        ([only], None) => Ok(only),
        (_, None) => Err(Unusable(format!(
            "it has {} entries of {DOMAIN}; say which with --entry: {}",
            ours.len(),
            ids()
        ))),
    }
}

fn id(entry: &Map<String, Value>) -> Option<&str> {
    entry.get("entry_id").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token() -> Value {
        json!({
            "username": "owner@example.org", "password": "correct horse battery", "pin": "1234", "stamp": null,
            "valid_until": "2026-11-30T12:00:00+00:00", "control_token": null, "control_token_expiry": null,
            "access_token": "Bearer ACCESS-TOKEN", "refresh_token": "R".repeat(87), "device_id": "DEVICE-ID",
            "cci_access_token": "CCI-ACCESS", "exchangeable_token": "EXCHANGEABLE",
            "exchangeable_refresh_token": "EXCHANGEABLE-REFRESH", "non_ccs_token": "NON-CCS-TOKEN",
            "non_ccs_refresh_token": "NON-CCS-REFRESH", "id_token": "ID-TOKEN", "user_id": "USER-ID",
        })
    }

    fn entry(id: &str, brand: u32, token: &Value) -> Value {
        json!({"entry_id": id, "domain": "kia_uvo", "title": "owner@example.org",
               "data": {"brand": brand, "region": 1, "token": token}})
    }

    fn file(entries: &[Value]) -> Value {
        json!({"version": 1, "key": "core.config_entries", "data": {"entries": entries}})
    }

    fn of(value: &Value, wanted: Option<&str>) -> Result<Kept, String> {
        read(value.as_object().unwrap(), wanted).map_err(|why| why.to_string())
    }

    #[test]
    fn a_session_is_found_in_a_file_an_entry_or_a_token() {
        let other = json!({"entry_id": "x", "domain": "mqtt", "data": {"broker": "b"}});
        let two = file(&[entry("aaa", 1, &token()), other.clone(), entry("bbb", 2, &token())]);
        for (value, wanted, brand) in [
            (file(&[other.clone(), entry("aaa", 1, &token())]), None, Some("kia")),
            (two.clone(), Some("bbb"), Some("hyundai")),
            (entry("aaa", 3, &token()), None, Some("genesis")),
            (entry("aaa", 1, &token()), Some("aaa"), Some("kia")),
            (token(), None, None),
        ] {
            let kept = of(&value, wanted).unwrap();
            assert_eq!((kept.brand, kept.tokens.len()), (brand, 8));
            assert_eq!(kept.tokens["access-token"], "ACCESS-TOKEN", "without the scheme of the header");
            let all = format!("{kept:?}");
            assert!(
                !all.contains("correct horse") && !all.contains("1234") && !all.contains("owner"),
                "{all}"
            );
        }
        for (value, wanted, said) in [
            (two.clone(), None, "it has 2 entries of kia_uvo; say which with --entry: aaa, bbb"),
            (two, Some("ccc"), "no entry of kia_uvo with that entry_id; there are: aaa, bbb"),
            (file(&[other]), None, "no entry of the integration kia_uvo"),
            (json!({"data": {"entries": {}}}), None, "data.entries is no list"),
            (json!({"data": {"token": "x"}}), None, "data.token is no object"),
            (json!({"data": {}}), None, "data.token is missing"),
            (json!({"data": []}), None, "data is no object"),
            (entry("aaa", 1, &token()), Some("bbb"), "not the one of that entry_id"),
        ] {
            let why = of(&value, wanted).unwrap_err();
            assert!(why.contains(said) && !why.contains("example.org"), "{why}");
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_named_and_no_value_is_told() {
        for (field, value, said) in [
            ("access_token", json!(7), "access_token is a number"),
            ("refresh_token", json!(""), "refresh_token is empty"),
            ("device_id", json!(7), "device_id is a number, and a text is wanted"),
            ("cci_access_token", json!(["LISTED-VALUE"]), "cci_access_token is a list"),
            ("exchangeable_token", json!({"a": "b"}), "exchangeable_token is an object"),
            ("exchangeable_refresh_token", json!(true), "exchangeable_refresh_token is true or false"),
            ("non_ccs_token", json!("two WORDS"), "non_ccs_token has blanks"),
            ("non_ccs_refresh_token", json!("x".repeat(8_193)), "non_ccs_refresh_token has 8193 bytes"),
            ("id_token", json!("ümlaut"), "id_token has blanks or other characters"),
            ("id_token", json!("Bearer "), "id_token is empty"),
        ] {
            let mut token = token();
            token[field] = value;
            let other = if field == "id_token" { "non_ccs_token" } else { "id_token" };
            token.as_object_mut().unwrap().remove(other);
            let why = of(&token, None).unwrap_err();
            assert!(why.contains(said) && why.contains("is missing"), "{why}");
            for value in ["WORDS", "LISTED", "ümlaut", "xxx", "CCI-ACCESS", "RRR"] {
                assert!(!why.contains(value), "{why}");
            }
        }
    }

    #[test]
    fn a_renewal_brings_an_access_token_and_no_other_field() {
        let mut token = token();
        token["access_token"] = json!(null);
        let kept = of(&token, None).unwrap();
        assert!(!kept.tokens.contains_key("access-token"), "{:?}", kept.tokens.keys());
        for field in
            ["refresh_token", "cci_access_token", "exchangeable_token", "non_ccs_refresh_token", "device_id"]
        {
            for value in [json!(null), json!("")] {
                let mut token = token.clone();
                token[field] = value;
                let why = of(&token, None).unwrap_err();
                assert!(why.starts_with(&format!("{field} is ")) && !why.contains(", "), "{why}");
            }
        }
    }

    #[test]
    fn an_entry_of_before_is_told_from_a_session() {
        let mut old = json!({"access_token": "ACCESS-TOKEN", "refresh_token": "A1".repeat(24), "device_id": "DEVICE-ID"});
        old["cci_access_token"] = json!(null);
        let why = of(&old, None).unwrap_err();
        assert!(why.contains("cci_access_token is null") && why.contains("refresh_token_file"), "{why}");
    }
}
