//! How the story is told: short lines, colour where there is a terminal for it.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use owo_colors::{OwoColorize as _, Style};

use super::Summary;
use crate::config;

/// Tells the story on standard output.
#[derive(Debug)]
pub(super) struct Voice {
    colour: bool,
}

impl Voice {
    /// Coloured on a terminal, unless `NO_COLOR` (no-color.org) is set; plain otherwise.
    pub(super) fn for_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && std::io::stdout().is_terminal() }
    }

    fn say(&self, style: Style, mark: &str, text: &str) {
        if mark.is_empty() {
            let _closed = writeln!(std::io::stdout(), "{text}");
            return;
        }
        let mark = if self.colour { mark.style(style).to_string() } else { mark.to_owned() };
        // Whoever reads may have had enough; the story goes on for the exit code.
        let _closed = writeln!(std::io::stdout(), "{mark} {text}");
    }

    pub(super) fn opening(&self, took: Duration, port: u16, cloud: &str) {
        self.say(Style::new().bold(), "vehicle-connector demo", "- nothing leaves this machine");
        self.fact(&format!("broker     mqtt://127.0.0.1:{port}"));
        self.fact(&format!("cloud      {cloud} (simulated Hyundai/Kia EU)"));
        self.fact(&format!("ready      in {} ms, components compiled", took.as_millis()));
    }

    /// Begins an act.
    pub(super) fn act(&self, title: &str) {
        self.say(Style::new().cyan().bold(), "\n##", title);
    }

    /// Something that was seen.
    pub(super) fn fact(&self, text: &str) {
        self.say(Style::new().dimmed(), "  ", text);
    }

    /// Something that happens to the host.
    pub(super) fn trouble(&self, text: &str) {
        self.say(Style::new().yellow().bold(), "  !", text);
    }

    /// Something that was checked and found as told.
    pub(super) fn success(&self, text: &str) {
        self.say(Style::new().green().bold(), "  ok", text);
    }

    pub(super) fn failure(&self, text: &str) {
        self.say(Style::new().red().bold(), "\nFAILED", text);
    }

    pub(super) fn closing(&self, summary: &Summary) {
        let Summary {
            commands,
            succeeded,
            failed,
            token_refreshes,
            upstream_calls,
            policy_swaps,
            duration_ms,
        } = summary;
        self.act("The story went as told");
        self.fact(&format!(
            "{commands} commands: {succeeded} succeeded, {failed} failed under the outdated policy"
        ));
        self.fact(&format!(
            "{token_refreshes} token refreshes, {upstream_calls} requests to the cloud, {policy_swaps} policy swaps, \
             {}.{:03} s",
            duration_ms / 1_000,
            duration_ms % 1_000
        ));
    }

    pub(super) fn invitation(&self, mqtt: &config::Mqtt, seconds: Option<u64>) {
        let (host, port, base) = (&mqtt.host, mqtt.port, &mqtt.base_topic);
        self.act("Now you");
        self.fact("The broker, the cloud and the host keep running. In another terminal:");
        self.say(Style::new(), "", "");
        self.say(Style::new(), "", &format!("mosquitto_sub -V mqttv5 -h {host} -p {port} -t '{base}/#' -v"));
        let publish = format!("mosquitto_pub -V mqttv5 -h {host} -p {port} -t");
        self.say(Style::new(), "", &format!("{publish} {base}/vehicle/niro/cmd/lock -m UNLOCK"));
        self.say(Style::new(), "", &format!("{publish} {base}/vehicle/ev6/cmd/refresh_cached -m PRESS"));
        self.say(Style::new(), "", "");
        match seconds {
            Some(seconds) => {
                self.fact(&format!("Ends by itself {seconds} s after its start; Ctrl-C ends it now."))
            }
            None => self.fact("Ctrl-C ends it."),
        }
    }
}
