//! What the identity provider checks before anything is done.

use crate::envelope::{Answer, Refused};
use crate::exchange::Incoming;
use crate::route::IdpCall;
use crate::world::World;

/// How the user agent of the app's browser ends.
const SUFFIX: &str = "_CCS_APP_AOS";

/// The fields of the form, in the order in which the page sends them, and what is in those that are not the account's.
/// Of the others, `None`.
const FORM: [(&str, Option<&str>); 11] = [
    ("client_id", None),
    ("encryptedPassword", Some("true")),
    ("password", None),
    ("redirect_uri", None),
    ("scope", Some("")),
    ("nonce", Some("")),
    ("state", Some("ccsp")),
    ("username", None),
    ("connector_session_key", Some("")),
    ("kid", None),
    ("_csrf", Some("")),
];

/// A page that speaks of a bad request and of nothing else: whoever gets it has not sent what the app sends.
pub(crate) fn bad_request(reason: impl Into<String>) -> Refused {
    Refused::by_check(reason, Answer::raw(400, "<html>Bad Request</html>".to_owned(), Vec::new()))
}

/// Checks user agent, query and form. Whether the password is right is the route's business.
pub(super) fn admit(world: &World, incoming: &Incoming, call: IdpCall) -> Result<(), Refused> {
    if matches!(call, IdpCall::Page(_)) {
        return Ok(());
    }
    if world.config.strict.app && !incoming.header("user-agent").ends_with(SUFFIX) {
        return Err(bad_request(format!("User-Agent does not end in {SUFFIX}")));
    }
    match call {
        IdpCall::Authorize => authorize(world, incoming),
        IdpCall::SignIn => form(world, incoming),
        IdpCall::Certs | IdpCall::Page(_) => Ok(()),
    }
    .map_err(bad_request)
}

fn authorize(world: &World, incoming: &Incoming) -> Result<(), String> {
    let constants = world.config.brand.constants();
    let field = |name: &str| value(&incoming.query, name);
    // Of the older app; the firewall sees to it.
    if field("client_id") == constants.service_id || !world.config.strict.app {
        return Ok(());
    }
    in_order(&incoming.query, &["response_type", "client_id", "redirect_uri", "lang", "state", "country"])?;
    is("response_type", field("response_type"), "code")?;
    is("client_id", field("client_id"), constants.app.client_id)?;
    is("redirect_uri", field("redirect_uri"), constants.app.redirect_uri)?;
    is("state", field("state"), "ccsp")?;
    for name in ["lang", "country"] {
        if field(name).len() != 2 || !field(name).bytes().all(|c| c.is_ascii_lowercase()) {
            return Err(format!("{name} is {:?}, not two small letters", field(name)));
        }
    }
    Ok(())
}

fn form(world: &World, incoming: &Incoming) -> Result<(), String> {
    let form = incoming.form().ok_or("sign-in is not a form")?;
    let app = &world.config.brand.constants().app;
    let field = |name: &str| value(&form, name);
    if world.config.strict.app {
        in_order(&form, &FORM.map(|(name, _)| name))?;
    }
    for (name, wanted) in FORM {
        if let Some(wanted) = wanted {
            is(name, field(name), wanted)?;
        }
    }
    is("client_id", field("client_id"), app.client_id)?;
    is("redirect_uri", field("redirect_uri"), app.redirect_uri)
}

/// The value of a field; empty if there is none.
pub(crate) fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
}

fn is(name: &str, given: &str, wanted: &str) -> Result<(), String> {
    if given == wanted { Ok(()) } else { Err(format!("{name} is {given:?}, not {wanted:?}")) }
}

fn in_order(fields: &[(String, String)], wanted: &[&str]) -> Result<(), String> {
    let given: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    if given == wanted { Ok(()) } else { Err(format!("the fields are {given:?}, not {wanted:?}")) }
}
