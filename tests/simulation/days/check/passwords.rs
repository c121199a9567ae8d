//! Passwords: four a day, and none after one that was refused, unless a person wants it.

use std::time::Duration;

use testkit::trace::{Event, Fate};

use crate::days::home::Run;
use crate::days::schedule::DAY;

/// Passwords that leave within a day, whatever happens.
const MOST: usize = 4;

pub fn check(run: &Run, found: &mut Vec<String>) {
    let mut departed: Vec<Duration> = Vec::new();
    let (mut under_way, mut arrived) = (None, 0);
    // Whether only a person may have another password sent.
    let mut barred = None;
    for entry in &run.trace {
        match &entry.event {
            Event::Departed(request) if request.is_sign_in() => {
                let at = entry.at.as_secs_f64();
                if let Some(why) = barred {
                    found.push(format!("a password was sent at {at:.3}, after {why}"));
                }
                departed.push(entry.at);
                under_way = Some(request.number);
            }
            Event::Arrived(number) if under_way == Some(*number) => arrived += 1,
            Event::Ended(number, fate) if under_way == Some(*number) => match fate {
                // It has not left, so it was none.
                Fate::NotSent => _ = departed.pop(),
                Fate::GrantRefused => barred = Some("one was refused"),
                Fate::Asked => barred = Some("terms were to be accepted"),
                _ => {}
            },
            Event::PersonActs | Event::NewCredentials => barred = None,
            _ => {}
        }
    }
    for five in departed.windows(MOST + 1) {
        if five[MOST] - five[0] < DAY {
            let hours = (five[MOST] - five[0]).as_secs_f64() / 3_600.0;
            found.push(format!(
                "five passwords within {hours:.2} h, the first at {:.3}",
                five[0].as_secs_f64()
            ));
        }
    }
    if run.all.sign_ins_asked != arrived {
        found.push(format!("the cloud counts {} passwords, the trace {arrived}", run.all.sign_ins_asked));
    }
}
