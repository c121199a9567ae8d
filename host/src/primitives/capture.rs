//! Captures: what the host takes out of a response before the guest sees it.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::Call;
use super::placeholder::{Encoding, placeholder};
use crate::bindings::http::{Capture, CaptureSource, CaptureTarget};

/// The shortest secret that is searched for in every response. A shorter one (a PIN) would be found in odometers.
const SHORTEST_SEARCHED: usize = 8;

const MARK_OPEN: &str = "{private:";

fn mark(index: usize) -> String {
    format!("{MARK_OPEN}{index}}}")
}

/// The index that a mark speaks of; none if the text is no mark.
pub(super) fn mark_index(text: &str) -> Option<usize> {
    text.strip_prefix(MARK_OPEN)?.strip_suffix('}')?.parse().ok()
}

/// A response on its way to the guest.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// Takes the captured values out of a response, and then every secret that this account has: a server that
    /// echoes a request must not tell the guest what the host put into it.
    pub(super) fn receive(
        &mut self,
        mut incoming: Incoming,
        captures: &[Capture],
        sent: &[String],
    ) -> Incoming {
        if !captures.is_empty() {
            let mut document = serde_json::from_slice::<Value>(&incoming.body).ok();
            for Capture { source, target } in captures {
                match source {
                    CaptureSource::Json(pointer) => {
                        if let Some(document) = &mut document {
                            let path: Vec<&str> = pointer.split('/').skip(1).collect();
                            each_at(document, &path, &mut |found| self.take(found, target));
                        }
                    }
                    CaptureSource::Header(name) => {
                        let header = incoming.headers.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name));
                        if let Some((_, value)) = header {
                            *value = self.take_text(value, target);
                        }
                    }
                    CaptureSource::Cookie(name) => {
                        for (_, value) in incoming.headers.iter_mut().filter(|(n, _)| n == "set-cookie") {
                            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
                            if let Some((_, cookie)) = pair.split_once('=').filter(|(n, _)| n.trim() == name)
                            {
                                let kept = self.take_text(cookie, target);
                                *value = format!("{name}={kept};{attributes}");
                            }
                        }
                    }
                }
            }
            if let Some(document) = document {
                incoming.body = document.to_string().into_bytes();
            }
        }
        self.scrub(incoming, sent)
    }

    fn take(&mut self, found: &mut Value, target: &CaptureTarget) {
        match (&*found, target) {
            (Value::Null, _) => {}
            (_, CaptureTarget::Private) => {
                let value = std::mem::replace(found, Value::String(mark(self.private.len())));
                self.private.push(value);
            }
            (Value::String(text), CaptureTarget::Secret(name)) => {
                self.captured.insert(name.clone(), SecretString::from(text.as_str()));
                *found = Value::String(placeholder(name));
            }
            // A token that is no string is no token, but it may still be none of the guest's business.
            (other, CaptureTarget::Secret(name)) => {
                self.captured.insert(name.clone(), SecretString::from(other.to_string()));
                *found = Value::String(placeholder(name));
            }
        }
    }

    fn take_text(&mut self, text: &str, target: &CaptureTarget) -> String {
        let mut value = Value::String(text.to_owned());
        self.take(&mut value, target);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Replaces the values of secrets by their placeholders: long ones everywhere, short ones only in answers to
    /// requests that carried them.
    fn scrub(&self, incoming: Incoming, sent: &[String]) -> Incoming {
        let wanted = |(name, value): &(&str, &str)| {
            value.len() >= SHORTEST_SEARCHED || sent.iter().any(|sent| sent == name)
        };
        let secrets = self.secrets().map(|(name, secret)| (name, secret.expose_secret())).filter(wanted);
        // As it is, and as it stands in a URL or a JSON string.
        let mut forms: Vec<(String, &str)> = secrets
            .flat_map(|(name, value)| {
                [Encoding::Plain, Encoding::Url, Encoding::Json]
                    .map(|as_in| (as_in.encode(value).into_owned(), name))
            })
            .collect();
        // A secret may be part of a longer one.
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        forms.dedup();
        let clean = |text: String| {
            forms.iter().fold(text, |text, (form, name)| match text.contains(form) {
                true => text.replace(form, &placeholder(name)),
                false => text,
            })
        };
        let headers = incoming.headers.into_iter().map(|(name, value)| (name, clean(value))).collect();
        // A secret is valid UTF-8; bytes that are not cannot be part of one.
        let body = match String::from_utf8(incoming.body) {
            Ok(text) => clean(text).into_bytes(),
            Err(error) => clean(String::from_utf8_lossy(error.as_bytes()).into_owned()).into_bytes(),
        };
        Incoming { headers, body }
    }
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
