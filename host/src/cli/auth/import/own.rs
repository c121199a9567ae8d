//! Sessions under this program's own names: the tokens by the names of the connector's secrets, and in `session` what the
//! connector wants to find of the session.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kept::{Kept, Unusable, cci_session, token, with_device};
use crate::descriptor::is_name;

/// The member that is no token.
const SESSION: &str = "session";

/// The token that tells a session of Hyundai or Kia in Europe, whose `session` may be left out.
const CCI: &str = "cci-refresh-token";

/// Reads a session.
///
/// # Errors
///
/// When it is none. All members are named that are wrong.
pub(super) fn read(root: &Map<String, Value>) -> Result<Kept, Unusable> {
    let session = match root.get(SESSION) {
        Some(session @ (Value::Object(_) | Value::String(_))) => session.clone(),
        Some(_) => return Err(Unusable(format!("{SESSION} is neither an object nor a text"))),
        None if root.contains_key(CCI) => cci_session(),
        None => {
            return Err(Unusable(format!(
                "{SESSION} is missing: an object or a text, what the connector wants to find of the session"
            )));
        }
    };
    let (mut tokens, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, value) in root.iter().filter(|(name, _)| *name != SESSION) {
        match token(Some(value)) {
            // A name that is none may be a value in the wrong place.
            _ if !is_name(name) => wrong.push("a member has a name that no secret has".to_owned()),
            Ok(token) => drop(tokens.insert(name.clone(), token)),
            Err(why) => wrong.push(format!("{name} {why}")),
        }
    }
    if tokens.is_empty() && wrong.is_empty() {
        wrong.push("there is no token in it".to_owned());
    }
    if wrong.is_empty() { Ok(with_device(tokens, session)) } else { Err(Unusable(wrong.join(", "))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn why(value: &Value) -> String {
        read(value.as_object().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_session_has_tokens_and_what_the_connector_wants_of_it() {
        let value = json!({"session": {"family": "legacy"}, "access-token": "Bearer SOME-TOKEN"});
        let kept = read(value.as_object().unwrap()).unwrap();
        assert_eq!(
            (kept.tokens["access-token"].as_str(), kept.session),
            ("SOME-TOKEN", json!({"family": "legacy"}))
        );
        let kept = read(json!({"cci-refresh-token": "SOME-TOKEN"}).as_object().unwrap()).unwrap();
        assert_eq!(kept.session, cci_session());
        let value = json!({"cci-refresh-token": "SOME-TOKEN", "device-id": "SOME-DEVICE"});
        let kept = read(value.as_object().unwrap()).unwrap();
        assert_eq!((kept.tokens.len(), &kept.session["device"]), (1, &json!("SOME-DEVICE")));
        for (value, said) in [
            (json!({"access-token": "SOME-TOKEN"}), "session is missing"),
            (
                json!({"session": null, "access-token": "SOME-TOKEN"}),
                "session is neither an object nor a text",
            ),
            (json!({"session": 7, "access-token": "SOME-TOKEN"}), "session is neither an object nor a text"),
            (json!({"session": {"a": 1}}), "there is no token in it"),
            (
                json!({"session": {"a": 1}, "id-token": 5, "x": null}),
                "id-token is a number, and a text is wanted, x is null",
            ),
            (json!({"session": {"a": 1}, "SECRET VALUE": "x"}), "a name that no secret has"),
        ] {
            let why = why(&value);
            assert!(why.contains(said) && !why.contains("SOME-TOKEN") && !why.contains("SECRET"), "{why}");
        }
    }
}
