//! What the reference client was recorded to send is accepted, and answered in the recorded shape.

use std::fs;
use std::path::Path;

use serde_json::Value;
use simulator::{Brand, Config};

use crate::client::{Client, Headers, stamp};

const RECORDED_DEVICE: &str = "dddddddd-0000-4000-8000-000000000000";

/// Traces that need no other cloud behaviour than the usual one, by the start of their names.
const USUAL: [&str; 6] = ["cmd_", "read_refresh_", "auth_01", "auth_02", "auth_07", "auth_08"];

#[tokio::test]
async fn recorded_requests_get_answers_of_the_recorded_shape() {
    let Some(traces) = recorded(&USUAL) else { return };
    assert!(traces.len() > 30, "{} traces", traces.len());
    for (name, text) in traces {
        replay(&name, &serde_json::from_str(&text).unwrap()).await;
    }
}

/// Names and texts of the traces whose names start so; `None` where there are none at all and nobody insists.
pub fn recorded(starts: &[&str]) -> Option<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    let Ok(entries) = fs::read_dir(&folder) else {
        assert!(std::env::var_os("REQUIRE_SHARED").is_none(), "{} is absent", folder.display());
        eprintln!("skipped: there are no recorded traces at {}", folder.display());
        return None;
    };
    let files = entries.map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let wanted = named.filter(|(name, _)| starts.iter().any(|start| name.starts_with(start)));
    Some(wanted.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect())
}

async fn replay(name: &str, trace: &Value) {
    let brand = if trace["brand"] == "Hyundai" { Brand::Hyundai } else { Brand::Kia };
    let devices = vec![RECORDED_DEVICE.to_owned()];
    let mut client = Client::signed_in_to(Config { brand, devices, ..Config::default() }).await;
    client.device = RECORDED_DEVICE.to_owned();
    for exchange in trace["exchanges"].as_array().unwrap() {
        let (request, recorded) = (&exchange["request"], &exchange["response"]);
        let path = target(request);
        let body = fill(&client, &body(request));
        let method = request["method"].as_str().unwrap();
        let reply = client.raw(method, &path, &head(&client, request), &body).await.unwrap();
        let place = format!("{name}: {method} {path}: {}", reply.body);
        assert_eq!(u64::from(reply.status), recorded["status"].as_u64().unwrap(), "{place}");
        if recorded["body_kind"] == "json" {
            same_shape(&recorded["body"], &reply.json(), &place);
            learn(&mut client, &reply.json());
        }
    }
}

/// Takes over what an answer gives, for the requests that follow.
fn learn(client: &mut Client, body: &Value) {
    if let Some(token) = body["controlToken"].as_str() {
        client.control_token = token.to_owned();
    }
    if let Some(token) = body["access_token"].as_str() {
        client.access = token.to_owned();
    }
    if let Some(device) = body["resMsg"]["deviceId"].as_str() {
        client.device = device.to_owned();
    }
}

/// Path and query; of what a query may not hold, the recordings have spaces only.
pub fn target(request: &Value) -> String {
    let query: Vec<String> = request["query"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{}={}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap().replace(' ', "+")))
        .collect();
    let path = request["path"].as_str().unwrap();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn head(client: &Client, request: &Value) -> Headers {
    recorded_head(request, |value| fill(client, value))
}

/// The recorded headers, without those that the connection decides about.
pub fn recorded_head(request: &Value, fill: impl Fn(&str) -> String) -> Headers {
    let pairs = request["headers"].as_array().unwrap().iter().map(|pair| {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        (name.to_owned(), fill(value))
    });
    pairs
        .filter(|(name, _)| !["Host", "Content-Length", "Connection", "connection"].contains(&name.as_str()))
        .collect()
}

fn body(request: &Value) -> String {
    match request["body_kind"].as_str().unwrap() {
        "json" => request["body"].to_string(),
        "form" => {
            let fields = request["body"].as_object().unwrap().iter();
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
            fields.join("&")
        }
        _ => String::new(),
    }
}

/// Puts this run's values where the recording has its own or a placeholder.
fn fill(client: &Client, text: &str) -> String {
    text.replace("<STAMP>", &stamp(client.brand))
        .replace("<HEX64>", &"0123456789abcdef".repeat(4))
        .replace("<UUID4>", "9d1ff2ab-9c5a-4a7e-a8a5-2f4b2a0c8f01")
        .replace("STUB-COOKIE", "SIMULATED")
        .replace("ACCESS-TOKEN-1", &client.access)
        .replace("CONTROL-TOKEN-1", &client.control_token)
        .replace("dddddddd-0000-4000-8000-000000000001", &client.device)
        .replace(RECORDED_DEVICE, &client.device)
}

/// Equal fields with values of equal types, at every depth; lists by their first element.
pub fn same_shape(recorded: &Value, given: &Value, place: &str) {
    match (recorded, given) {
        (Value::Object(recorded), Value::Object(given)) => {
            let names: Vec<&String> = recorded.keys().collect();
            assert_eq!(names, given.keys().collect::<Vec<_>>(), "{place}");
            for (name, value) in recorded {
                same_shape(value, &given[name], &format!("{name} in {place}"));
            }
        }
        (Value::Array(recorded), Value::Array(given)) => {
            assert_eq!(recorded.is_empty(), given.is_empty(), "{place}");
            if let (Some(recorded), Some(given)) = (recorded.first(), given.first()) {
                same_shape(recorded, given, place);
            }
        }
        _ => assert_eq!(std::mem::discriminant(recorded), std::mem::discriminant(given), "{place}"),
    }
}
