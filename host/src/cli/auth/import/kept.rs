//! A session as a program keeps it, and the fields that it is read from. No error quotes a value.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Longest token, in bytes: what the host takes too.
const LONGEST: usize = 8 << 10;

/// A session that was found in a file.
#[derive(Debug)]
pub(super) struct Kept {
    /// The tokens, by the names that this program has for them.
    pub(super) tokens: BTreeMap<String, String>,
    /// What the connector wants to find in the cell of the session.
    pub(super) session: Value,
    /// Brand that it is for, if the file says so.
    pub(super) brand: Option<&'static str>,
}

/// Why a file has no session that can be imported.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unusable(pub(super) String);

/// The fields of a session of Hyundai or Kia in Europe since August 2026 that renew it, as kia_uvo and evcc call them,
/// and what the secrets are called here. The device is one of them: the tokens are its own.
const SET: [(&str, &str); 8] = [
    ("refresh_token", "cci-refresh-token"),
    ("cci_access_token", "cci-access-token"),
    ("exchangeable_token", "exchangeable-token"),
    ("exchangeable_refresh_token", "exchangeable-refresh-token"),
    ("non_ccs_token", "non-ccs-token"),
    ("non_ccs_refresh_token", "non-ccs-refresh-token"),
    ("id_token", "id-token"),
    ("device_id", "device-id"),
];

/// What it can do without, since a renewal brings it, as it is called there and here.
const ACCESS_TOKEN: (&str, &str) = ("access_token", "access-token");

/// Number of characters of a refresh token of before August 2026.
const LEGACY: usize = 48;

/// What the connector for Hyundai and Kia wants to find of such a session.
pub(super) fn cci_session() -> Value {
    json!({"family": "cci", "route": "signed"})
}

/// Has the session of Hyundai and Kia say of which device its tokens are. That is no token: requests name the device in
/// two forms, of which the connector makes the second one.
pub(super) fn with_device(mut tokens: BTreeMap<String, String>, mut session: Value) -> Kept {
    if session.get("family").and_then(Value::as_str) == Some("cci")
        && session.get("device").is_none()
        && let Some(device) = tokens.remove("device-id")
        && let Some(members) = session.as_object_mut()
    {
        members.insert("device".to_owned(), device.into());
    }
    Kept { tokens, session, brand: None }
}

/// Reads a JSON object.
///
/// # Errors
///
/// When it is none. The place is told, and nothing that stands there.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Unusable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(Unusable("it is empty".to_owned()));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Unusable("it is JSON, but no object {…}".to_owned())),
        Err(error) => {
            Err(Unusable(format!("it is no JSON (line {}, column {})", error.line(), error.column())))
        }
    }
}

/// Reads a session of Hyundai or Kia in Europe.
///
/// # Errors
///
/// When a field is missing that renews it, or one holds no token; all such fields are named.
pub(super) fn cci(fields: &Map<String, Value>, brand: Option<&'static str>) -> Result<Kept, Unusable> {
    let mut tokens = BTreeMap::new();
    let mut wrong = Vec::new();
    let is_there = |(field, _): &(&str, &str)| fields.get(*field).is_some_and(|value| !value.is_null());
    for (field, name) in SET.into_iter().chain([ACCESS_TOKEN].into_iter().filter(is_there)) {
        match token(fields.get(field)) {
            Ok(token) => drop(tokens.insert(name.to_owned(), token)),
            Err(why) => wrong.push(format!("{field} {why}")),
        }
    }
    if wrong.is_empty() {
        return Ok(Kept { brand, ..with_device(tokens, cci_session()) });
    }
    let legacy = fields.get("refresh_token").and_then(Value::as_str).is_some_and(|it| it.len() == LEGACY);
    let advice = if legacy {
        "; its refresh_token is one of before August 2026, which is no session: write it into the file that \
         refresh_token_file names"
    } else {
        ""
    };
    Err(Unusable(format!("{}{advice}", wrong.join(", "))))
}

/// Reads a token.
///
/// # Errors
///
/// What is there in place of a token, in words that go on after its name.
pub(super) fn token(value: Option<&Value>) -> Result<String, String> {
    let text = match value {
        None => return Err("is missing".to_owned()),
        Some(Value::String(text)) => text,
        Some(Value::Null) => return Err("is null".to_owned()),
        Some(Value::Bool(_)) => return Err("is true or false, and a text is wanted".to_owned()),
        Some(Value::Number(_)) => return Err("is a number, and a text is wanted".to_owned()),
        Some(Value::Array(_)) => return Err("is a list, and a text is wanted".to_owned()),
        Some(Value::Object(_)) => return Err("is an object, and a text is wanted".to_owned()),
    };
    // Some programs keep the header that the token goes into.
    let token = text.strip_prefix("Bearer ").unwrap_or(text);
    match token.len() {
        0 => Err("is empty".to_owned()),
        length if length > LONGEST => Err(format!("has {length} bytes, and a token has at most {LONGEST}")),
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("has blanks or other characters that no token has".to_owned())
        }
        _ => Ok(token.to_owned()),
    }
}
