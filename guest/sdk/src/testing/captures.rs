//! What a host takes out of an answer before the connector sees it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::State;
use crate::http::{Capture, CaptureSource, CaptureTarget, Request, Response, TransportError, secret};

/// The answer as the connector sees it.
pub(super) fn take(
    state: &mut State,
    request: &Request,
    mut response: Response,
) -> Result<Response, TransportError> {
    let in_json = |capture: &Capture| {
        matches!(capture.source, CaptureSource::Json(_) | CaptureSource::JsonParameter(_))
    };
    let mut document: Option<Value> = serde_json::from_slice(&response.body).ok();
    if document.is_none() && response.status < 300 && request.captures.iter().any(in_json) {
        return Err(TransportError::Other("the answer is not JSON".to_owned()));
    }
    let keep = response.status < 400;
    for Capture { source, target } in &request.captures {
        if let CaptureSource::Claim((token, claim)) = source {
            let claim = claim_of(state, token, claim);
            claim.into_iter().for_each(|mut value| replaced(state, target, keep, &mut value));
            continue;
        }
        let mut replace = |value: &mut Value| replaced(state, target, keep, value);
        found(source, &mut document, &mut response.headers, &mut replace);
    }
    if let Some(document) = document.filter(|_| request.captures.iter().any(in_json)) {
        response.body = document.to_string().into_bytes();
    }
    Ok(response)
}

/// Does `act` to what a capture finds in a document or in headers.
fn found(
    source: &CaptureSource,
    document: &mut Option<Value>,
    headers: &mut [(String, String)],
    act: &mut impl FnMut(&mut Value),
) {
    let called = |name: &str, key: &str| key.eq_ignore_ascii_case(name);
    match source {
        CaptureSource::Json(pointer) => {
            let segments: Vec<&str> = pointer.split('/').skip(1).collect();
            document.iter_mut().for_each(|document| at(document, &segments, act));
        }
        CaptureSource::JsonParameter((pointer, parameter)) => {
            if let Some(Value::String(url)) = document.as_mut().and_then(|it| it.pointer_mut(pointer)) {
                in_url(url, parameter, act);
            }
        }
        CaptureSource::Header(name) => {
            if let Some((_, text)) = headers.iter_mut().find(|(key, _)| called(name, key)) {
                in_text(text, act);
            }
        }
        CaptureSource::HeaderParameter((name, parameter)) => {
            if let Some((_, url)) = headers.iter_mut().find(|(key, _)| called(name, key)) {
                in_url(url, parameter, act);
            }
        }
        CaptureSource::Cookie(name) => {
            for (_, cookie) in headers.iter_mut().filter(|(key, _)| called("set-cookie", key)) {
                in_cookie(cookie, name, act);
            }
        }
        // Of a secret, and not of the answer.
        CaptureSource::Claim(_) => {}
    }
}

fn in_cookie(cookie: &mut String, name: &str, act: &mut impl FnMut(&mut Value)) {
    let (pair, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
    if let Some((_, value)) = pair.split_once('=').filter(|(key, _)| key.trim() == name) {
        let mut value = value.to_owned();
        in_text(&mut value, act);
        *cookie = format!("{name}={value};{rest}");
    }
}

/// Does `act` to whatever stands at a place; `*` is every element.
fn at(value: &mut Value, segments: &[&str], act: &mut impl FnMut(&mut Value)) {
    let Some((first, rest)) = segments.split_first() else { return act(value) };
    match value {
        Value::Array(elements) if *first == "*" => elements.iter_mut().for_each(|it| at(it, rest, act)),
        Value::Object(members) if *first == "*" => members.values_mut().for_each(|it| at(it, rest, act)),
        Value::Array(elements) => {
            let element = first.parse().ok().and_then(|index: usize| elements.get_mut(index));
            element.into_iter().for_each(|it| at(it, rest, act));
        }
        Value::Object(members) => {
            members
                .get_mut(&first.replace("~1", "/").replace("~0", "~"))
                .into_iter()
                .for_each(|it| at(it, rest, act));
        }
        _ => {}
    }
}

/// Puts the placeholder or the mark in the place of a value. What is null, or is one already, stays.
fn replaced(state: &mut State, target: &CaptureTarget, keep: bool, value: &mut Value) {
    let text = match &*value {
        Value::String(text) if !text.starts_with("{secret:") && !text.starts_with("{private:") => {
            text.clone()
        }
        Value::Number(number) => number.to_string(),
        Value::Object(_) if matches!(target, CaptureTarget::PublicKey(_)) => String::new(),
        _ => return,
    };
    match target {
        CaptureTarget::Secret(name) => {
            if keep {
                state.secrets.insert(name.clone(), text);
            }
            *value = secret(name).into();
        }
        CaptureTarget::Private => {
            *value = format!("{{private:{}}}", state.marks).into();
            state.marks += 1;
        }
        CaptureTarget::PublicKey(_) => {}
    }
}

fn in_text(text: &mut String, act: &mut impl FnMut(&mut Value)) {
    let mut value = Value::String(std::mem::take(text));
    act(&mut value);
    *text = value.as_str().unwrap_or_default().to_owned();
}

fn in_url(url: &mut String, parameter: &str, act: &mut impl FnMut(&mut Value)) {
    let Some(start) = ['?', '#', '&'].into_iter().find_map(|mark| {
        let begin = format!("{mark}{parameter}=");
        url.find(&begin).map(|place| place + begin.len())
    }) else {
        return;
    };
    let (head, rest) = url.split_at(start);
    let (value, tail) = rest.split_at(rest.find(['&', '#']).unwrap_or(rest.len()));
    let mut value = value.to_owned();
    in_text(&mut value, act);
    *url = format!("{head}{value}{tail}");
}

/// A claim of a token that was captured.
fn claim_of(state: &State, token: &str, claim: &str) -> Option<Value> {
    let payload = state.secrets.get(token)?.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Value>(&bytes).ok()?.get(claim).cloned()
}
