//! No secret and no VIN in anything that is published.

use testkit::trace::Event;

use crate::home::Run;

pub fn check(run: &Run, found: &mut Vec<String>) {
    for entry in &run.trace {
        let Event::Published(message) = &entry.event else { continue };
        let payload = String::from_utf8_lossy(&message.payload);
        for secret in &run.secrets {
            if payload.contains(secret) || message.topic.contains(secret) {
                found.push(format!("{secret} was published: {} {payload}", message.topic));
            }
        }
    }
}
