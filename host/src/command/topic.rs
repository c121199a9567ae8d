//! The table of command topics: what each takes as a word, and what as an object.

use super::options::{
    ChargePort, Charging, Climate, Current, Doors, Limits, Noticed, Plain, Preferred, Question, Smart,
    WindowChoice, defrost, minutes, temperature, word_of_charge_port, word_of_charging, word_of_climate,
    word_of_current, word_of_doors, word_of_limits, word_of_preference, word_of_signal, word_of_smart,
    word_of_windows,
};
use super::{Action, is_id};

/// The topic whose `id` is not the command's own.
pub(super) const ACTION_STATUS: &str = "action_status";

/// Result of a payload: an action and the caller's identifier, or what is wrong and what would be right.
type Understood = Result<(Action, Option<String>), String>;

/// One command topic.
pub(super) struct Topic {
    /// Last level of the topic.
    pub(super) name: &'static str,
    /// Description of what it takes, for a caller that sent something else.
    takes: &'static str,
    word: fn(&str) -> Option<Action>,
    object: fn(&str) -> Understood,
}

impl Topic {
    /// Parses a payload.
    pub(super) fn understand(&self, text: &str) -> Understood {
        if text.starts_with('{') {
            return (self.object)(text)
                .map_err(|error| format!("{error}; {} takes {}", self.name, self.takes));
        }
        // Programs that write JSON put a word in quotes.
        let quoted: Option<String> = serde_json::from_str(text).ok();
        let word = quoted.as_deref().unwrap_or(text).trim();
        // Words may be in any case; an identifier is what it is.
        let action = (self.word)(&word.to_ascii_lowercase()).map(|action| match action {
            Action::CheckActionStatus(Some(_)) => Action::CheckActionStatus(Some(word.to_owned())),
            other => other,
        });
        match action {
            Some(action) => Ok((action, None)),
            None => {
                let given = crate::redact::cut(crate::redact::mask_vins(text), 40);
                Err(format!("{given:?} is not understood; {} takes {}", self.name, self.takes))
            }
        }
    }
}

/// All command topics.
pub(super) static TOPICS: &[Topic] = &[
    Topic {
        name: "refresh_cached",
        takes: "PRESS or {}",
        word: |word| matches!(word, "press" | "cached").then_some(Action::RefreshCached),
        object: |text| Plain::read(text, Action::RefreshCached),
    },
    Topic {
        name: "refresh_smart",
        takes: "PRESS, a number of seconds, or {\"max_age_s\":300}",
        word: word_of_smart,
        object: |text| Smart::read(text),
    },
    Topic {
        name: "refresh_force",
        takes: "PRESS or {}",
        word: |word| matches!(word, "press" | "force").then_some(Action::RefreshForce),
        object: |text| Plain::read(text, Action::RefreshForce),
    },
    Topic {
        name: "lock",
        takes: r#"LOCK, UNLOCK, {"action":"lock"} or {"action":"unlock"}"#,
        word: word_of_doors,
        object: |text| Doors::read(text),
    },
    Topic {
        name: "unlock",
        takes: "UNLOCK, PRESS, or {}",
        word: |word| matches!(word, "press" | "unlock").then_some(Action::Unlock),
        object: |text| Plain::read(text, Action::Unlock),
    },
    Topic {
        name: "climate",
        takes: r#"auto, off, or {"action":"start","set_temp":21,"duration_min":10,"defrost":true,"heating":1,"steering_wheel":true,"seats":{"fl":6}}"#,
        word: word_of_climate,
        object: |text| Climate::read(text),
    },
    Topic {
        name: "climate_temp",
        takes: r#"a temperature such as 22.5, null to forget it, or {"value":22.5}"#,
        word: |word| word_of_preference(word, temperature),
        object: |text| Preferred::read(text, temperature),
    },
    Topic {
        name: "climate_minutes",
        takes: r#"minutes such as 10, 0 or null to forget them, or {"value":10}"#,
        word: |word| word_of_preference(word, minutes),
        object: |text| Preferred::read(text, minutes),
    },
    Topic {
        name: "climate_defrost",
        takes: r#"ON, OFF, null to forget it, or {"value":true}"#,
        word: |word| word_of_preference(word, defrost),
        object: |text| Preferred::read(text, defrost),
    },
    Topic {
        name: "windows",
        takes: r#"closed, vent, open, or {"front_left":"open","front_right":…,"rear_left":…,"rear_right":…,"all":…}"#,
        word: word_of_windows,
        object: |text| WindowChoice::read(text),
    },
    Topic {
        name: "charge_port",
        takes: r#"OPEN, CLOSE, {"action":"open"} or {"action":"close"}"#,
        word: word_of_charge_port,
        object: |text| ChargePort::read(text),
    },
    Topic {
        name: "charging",
        takes: r#"START, STOP, {"action":"start"} or {"action":"stop"}"#,
        word: word_of_charging,
        object: |text| Charging::read(text),
    },
    Topic {
        name: "charge_limits",
        takes: r#"80 % or {"ac":80,"dc":90}"#,
        word: word_of_limits,
        object: |text| Limits::read(text),
    },
    Topic {
        name: "charging_current",
        takes: r#"60 %, 16 A, {"percent":60}, {"amperes":16}, or {"level":1} (1 is 100 %, 2 is 90 %, 3 is 60 %)"#,
        word: word_of_current,
        object: |text| Current::read(text),
    },
    Topic {
        name: "signal",
        takes: r#"LIGHTS, HORN, HORN_AND_LIGHTS or {"action":"lights"}"#,
        word: word_of_signal,
        object: |text| Noticed::read(text),
    },
    Topic {
        name: ACTION_STATUS,
        takes: r#"LAST, an identifier, {"id":"…"}, or with an id of its own {"about":"…","id":"…"}"#,
        word: |word| match word {
            "press" | "last" => Some(Action::CheckActionStatus(None)),
            id => is_id(id).then(|| Action::CheckActionStatus(Some(id.to_owned()))),
        },
        object: |text| Question::read(text),
    },
];
