//! Commands for operations that only one connector knows.

use serde_json::{Map, Value};

use super::Action;
use super::scalar::Scalar;

/// Reads the payload of `cmd/other/NAME`: an object with the arguments, and the caller's identifier as `id`,
/// which no argument is called; or the word of a button that is pressed.
pub(super) fn understand(name: &str, text: &str) -> Result<(Action, Option<String>), String> {
    let is_press = text.trim_matches('"').eq_ignore_ascii_case("press");
    let mut arguments = match is_press {
        true => Map::new(),
        false => serde_json::from_str::<Map<String, Value>>(text).map_err(|error| {
            format!("the payload is not understood: {error}; other/{name} takes PRESS, or an object")
        })?,
    };
    let id = arguments.remove("id").map(serde_json::from_value::<Scalar>).transpose();
    let id = id.map_err(|_| "the id is neither text nor a number".to_owned())?;
    let id = id.as_ref().map(Scalar::identifier).transpose()?;
    Ok((Action::Other { name: name.to_owned(), arguments }, id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Command, check, parse};
    use super::*;
    use crate::wire::outcome::Reason;

    fn honk(arguments: &Value) -> Action {
        Action::Other { name: "honk".to_owned(), arguments: arguments.as_object().unwrap().clone() }
    }

    #[test]
    fn an_object_has_the_arguments_and_the_id() {
        for (payload, arguments, id) in [
            ("PRESS", json!({}), None),
            ("\"press\"", json!({}), None),
            ("{}", json!({}), None),
            (r#"{"times":2,"id":"a-1"}"#, json!({"times": 2}), Some("a-1")),
            (r#"{"id":7}"#, json!({}), Some("7")),
        ] {
            let Command { id: given, action } = parse("other/honk", payload.as_bytes()).unwrap();
            assert_eq!((action, given.as_deref()), (honk(&arguments), id), "{payload}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused_and_so_is_what_is_no_name() {
        for (operation, payload, reason) in [
            ("other/honk", "on", Reason::BadPayload),
            ("other/honk", "[]", Reason::BadPayload),
            ("other/honk", r#"{"id":{}}"#, Reason::BadPayload),
            ("other/honk", r#"{"id":"a/b"}"#, Reason::BadPayload),
            ("other/Honk", "{}", Reason::UnknownOperation),
            ("other/", "{}", Reason::UnknownOperation),
            ("other", "{}", Reason::UnknownOperation),
        ] {
            assert_eq!(
                parse(operation, payload.as_bytes()).unwrap_err().reason,
                reason,
                "{operation} {payload}"
            );
        }
        let long = format!("other/{}", "x".repeat(100));
        assert_eq!(parse(&long, b"{}").unwrap_err().op.len(), 32);
        assert_eq!(parse("other/honk", b"[]").unwrap_err().op, "other/honk");
    }

    #[test]
    fn a_program_s_command_is_that_of_a_message() {
        let action = honk(&json!({"times": 2}));
        let command = check(Command::new(action.clone()).with_id("mine")).unwrap();
        assert_eq!(command, Command::new(action).with_id("mine"));
        for (name, arguments) in [("no name", json!({})), ("honk", json!({"id": "another"}))] {
            let arguments = arguments.as_object().unwrap().clone();
            let action = Action::Other { name: name.to_owned(), arguments };
            assert!(check(Command::new(action)).is_err(), "{name}");
        }
    }
}
