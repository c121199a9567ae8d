//! Captures: what the host takes out of a response before the guest sees it.
//!
//! A guest gets an answer in three steps. The values that it asked to have captured are taken out; then every secret
//! that the host knows, wherever it stands (see `scrub` for how it may be written); then what describes the body as it
//! was, such as its length and its digest, because both would tell something of what was taken out.
//!
//! Where the host cannot look, the guest cannot either: a body in an encoding that was not asked for is withheld, and so is one
//! that should hold a secret in JSON and is no JSON.
//!
//! A secret that is larger than any token is, is no token: the whole answer is then over the limit, as one with too large
//! a body is, and nothing of it is kept. To keep what fits, or to cut it, would leave a session that looks
//! whole and is not. Of names there is nothing to bound: only those that the host knows are captured.
//!
//! A secret shorter than eight bytes, which is a PIN, is searched for only in answers to requests that carried it. Of
//! such a secret an answer can tell something all the same, to a plugin that makes a server echo every possible one. What
//! protects it is the endpoint that it is bound to.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::Call;
use super::placeholder::placeholder;
use super::scrub::Scrubber;
use crate::bindings::http::{Capture, CaptureSource, CaptureTarget};
use crate::cell::Secrets;

/// The shortest secret that is searched for in every response. A shorter one (a PIN) would be found in odometers.
const SHORTEST_SEARCHED: usize = 8;

/// The largest secret that is captured, in bytes. Tokens have up to 4 KiB, and no server takes a header of more than
/// this.
const LARGEST_SECRET: usize = 8 << 10;

const MARK_OPEN: &str = "{private:";

fn mark(index: usize) -> String {
    format!("{MARK_OPEN}{index}}}")
}

/// The index that a mark speaks of; none if the text is no mark.
pub(super) fn mark_index(text: &str) -> Option<usize> {
    text.strip_prefix(MARK_OPEN)?.strip_suffix('}')?.parse().ok()
}

/// Headers that describe the body as it came, which is not the body that a guest gets.
const OF_THE_BODY: [&str; 8] = [
    "content-digest",
    "content-encoding",
    "content-length",
    "content-md5",
    "digest",
    "repr-digest",
    "trailer",
    "transfer-encoding",
];

/// A response on its way to the guest.
pub(super) struct Incoming {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// The secrets that were found in one response.
#[derive(Default)]
struct Found {
    secrets: Secrets,
    /// The name of one that is too large.
    too_large: Option<String>,
}

impl Found {
    fn insert(&mut self, name: &str, value: &str) {
        if value.len() > LARGEST_SECRET {
            self.too_large = Some(name.to_owned());
        } else {
            self.secrets.insert(name.to_owned(), SecretString::from(value));
        }
    }
}

impl Call {
    /// Takes the captured values out of a response, and then every secret that this account has: a server that
    /// echoes a request must not tell the guest what the host put into it.
    ///
    /// # Errors
    ///
    /// When a value to be captured is too large for a secret. Nothing was captured then.
    pub(super) fn receive(
        &mut self,
        mut incoming: Incoming,
        captures: &[Capture],
        sent: &[String],
    ) -> Result<Incoming, String> {
        let mut found = Found::default();
        if is_encoded(&incoming.headers) {
            incoming.body.clear();
        }
        if !captures.is_empty() {
            let mut document = serde_json::from_slice::<Value>(&incoming.body).ok();
            for Capture { source, target } in captures {
                match source {
                    CaptureSource::Json(pointer) => {
                        if let Some(document) = &mut document {
                            let path: Vec<&str> = pointer.split('/').skip(1).collect();
                            each_at(document, &path, &mut |value| self.take(value, target, &mut found));
                        }
                    }
                    CaptureSource::Header(name) => {
                        let header = incoming.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name));
                        if let Some((_, value)) = header {
                            *value = self.take_text(value, target, &mut found);
                        }
                    }
                    CaptureSource::Cookie(name) => {
                        for (_, value) in incoming.headers.iter_mut().filter(|(n, _)| n == "set-cookie") {
                            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
                            if let Some((_, cookie)) = pair.split_once('=').filter(|(n, _)| n.trim() == name)
                            {
                                let kept = self.take_text(cookie, target, &mut found);
                                *value = format!("{name}={kept};{attributes}");
                            }
                        }
                    }
                }
            }
            match document {
                Some(document) => incoming.body = document.to_string().into_bytes(),
                // Of an error there is a text to be read, and no token in it.
                None if incoming.status < 300 && captures.iter().any(wants_secret_from_json) => {
                    incoming.body.clear();
                }
                None => {}
            }
        }
        if let Some(name) = found.too_large {
            return Err(format!("the {name} in the answer is larger than {LARGEST_SECRET} bytes"));
        }
        self.captured.extend(found.secrets);
        Ok(self.scrub(incoming, sent))
    }

    fn take(&mut self, value: &mut Value, target: &CaptureTarget, found: &mut Found) {
        match (&*value, target) {
            (Value::Null, _) => {}
            // No satellite is seen: the guest has to know it, to ask where the vehicle was parked.
            (Value::Number(number), CaptureTarget::Private) if is_nowhere(number) => {}
            (_, CaptureTarget::Private) => {
                let value = std::mem::replace(value, Value::String(mark(self.private.len())));
                self.private.push(value);
            }
            (Value::String(text), CaptureTarget::Secret(name)) => {
                found.insert(name, text);
                *value = Value::String(placeholder(name));
            }
            // A token that is no string is no token, but it may still be none of the guest's business.
            (other, CaptureTarget::Secret(name)) => {
                found.insert(name, &other.to_string());
                *value = Value::String(placeholder(name));
            }
        }
    }

    fn take_text(&mut self, text: &str, target: &CaptureTarget, found: &mut Found) -> String {
        let mut value = Value::String(text.to_owned());
        self.take(&mut value, target, found);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Replaces the values of secrets by their placeholders: long ones everywhere, short ones only in answers to
    /// requests that carried them.
    fn scrub(&self, incoming: Incoming, sent: &[String]) -> Incoming {
        let wanted = |(name, value): &(&str, &str)| {
            value.len() >= SHORTEST_SEARCHED || sent.iter().any(|sent| sent == name)
        };
        let secrets = self.secrets().map(|(name, secret)| (name, secret.expose_secret()));
        let scrubber = Scrubber::new(secrets.filter(wanted));
        let Incoming { status, headers, body } = incoming;
        let headers = headers
            .into_iter()
            .filter(|(name, _)| !OF_THE_BODY.contains(&name.as_str()))
            .map(|(name, value)| (scrubber.clean_name(name), scrubber.clean(value)))
            .collect();
        // What is no UTF-8 may be Latin-1, and a secret in that is searched for as what becomes of it here.
        let body = match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Incoming { status, headers, body: scrubber.clean(body).into_bytes() }
    }
}

/// What receivers write that do not know where they are: nothing, or all bits of 8, 16, 24 or 32. It tells of nobody.
/// Any other number may be a place in whatever unit.
const NOWHERE: [f64; 5] = [0.0, 255.0, 65_535.0, 16_777_215.0, 4_294_967_295.0];

fn is_nowhere(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|number| NOWHERE.contains(&number))
}

/// Whether the body is still encoded in a way in which nothing can be found.
fn is_encoded(headers: &[(String, String)]) -> bool {
    let encoding = headers.iter().filter(|(name, _)| name == "content-encoding");
    encoding.flat_map(|(_, value)| value.split(',')).any(|coding| {
        let coding = coding.trim();
        !coding.is_empty() && !coding.eq_ignore_ascii_case("identity")
    })
}

fn wants_secret_from_json(Capture { source, target }: &Capture) -> bool {
    matches!((source, target), (CaptureSource::Json(_), CaptureTarget::Secret(_)))
}

/// Calls `visit` on every value that a JSON Pointer (RFC 6901) leads to, where a segment `*` stands for every
/// element.
fn each_at(document: &mut Value, path: &[&str], visit: &mut impl FnMut(&mut Value)) {
    let Some((segment, rest)) = path.split_first() else {
        return visit(document);
    };
    match document {
        Value::Object(fields) if *segment == "*" => {
            fields.values_mut().for_each(|field| each_at(field, rest, visit));
        }
        Value::Array(items) if *segment == "*" => {
            items.iter_mut().for_each(|item| each_at(item, rest, visit));
        }
        Value::Object(fields) => {
            let name = segment.replace("~1", "/").replace("~0", "~");
            if let Some(field) = fields.get_mut(&name) {
                each_at(field, rest, visit);
            }
        }
        Value::Array(items) => {
            if let Some(item) = segment.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                each_at(item, rest, visit);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn visited(pointer: &str) -> Vec<Value> {
        let mut document = json!({"a": [{"b": 1}, {"b": 2}], "c/d": {"~": 3}, "e": null});
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        let mut found = Vec::new();
        each_at(&mut document, &path, &mut |value| found.push(value.clone()));
        found
    }

    #[test]
    fn follows_pointers_and_stars() {
        assert_eq!(visited("/a/1/b"), [json!(2)]);
        assert_eq!(visited("/a/*/b"), [json!(1), json!(2)]);
        assert_eq!(visited("/*/*/b"), [json!(1), json!(2)]);
        assert_eq!(visited("/c~1d/~0"), [json!(3)]);
        assert_eq!(visited("/e"), [json!(null)]);
        assert!(visited("/a/7/b").is_empty());
        assert!(visited("/nothing").is_empty());
    }

    #[test]
    fn marks_are_recognised_exactly() {
        assert_eq!(mark_index(&mark(7)), Some(7));
        for text in ["{private:}", "{private:x}", "private:1", "{private:1} ", "{private:-1}"] {
            assert_eq!(mark_index(text), None, "{text}");
        }
    }
}
