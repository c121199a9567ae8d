//! Tokens of the form that real ones have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::kit::Ids;

/// Bytes of an RS256 signature with a key of 2048 bits.
const SIGNATURE: usize = 256;

/// A JSON Web Token with these claims and at least so many characters, as long as real ones are: a claim that matters to
/// nobody makes up for what is missing. Its signature is noise.
pub(crate) fn jwt(mut claims: Map<String, Value>, length: usize, ids: &mut Ids) -> String {
    claims.insert("jti".to_owned(), ids.uuid().into());
    let head = URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "typ": "JWT" }).to_string());
    let signature = URL_SAFE_NO_PAD.encode(ids.bytes(SIGNATURE));
    let bare = head.len()
        + signature.len()
        + URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string()).len();
    // What is encoded twice grows by a third twice.
    let missing = length.saturating_sub(bare) * 9 / 16;
    claims.insert("ctx".to_owned(), URL_SAFE_NO_PAD.encode(ids.bytes(missing)).into());
    format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string()))
}
