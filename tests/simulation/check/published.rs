//! No secret and no VIN in anything that is published.

use testkit::trace::{Entry, Event};

pub fn check(trace: &[Entry], secrets: &[String], found: &mut Vec<String>) {
    for entry in trace {
        let Event::Published(message) = &entry.event else { continue };
        let payload = String::from_utf8_lossy(&message.payload);
        for secret in secrets {
            if payload.contains(secret) || message.topic.contains(secret) {
                found.push(format!("{secret} was published: {} {payload}", message.topic));
            }
        }
    }
}
