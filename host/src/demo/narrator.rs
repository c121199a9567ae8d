//! The narrator of the story: short lines, colour where there is a terminal for it.

use std::io::IsTerminal as _;
use std::time::Duration;

use owo_colors::{OwoColorize as _, Style};
use parking_lot::Mutex;

use super::Summary;
use crate::config;
use crate::output::{Output, Stopped};

/// The columns that every terminal has.
const COLUMNS: usize = 80;

/// Indentation of a continued line.
const INDENT: &str = "     ";

/// Narrator of the story on standard output.
#[derive(Debug)]
pub(super) struct Narrator {
    colour: bool,
    /// Reason why some of it could not be shown, if that is more than a reader who has had enough.
    unheard: Mutex<Option<std::io::Error>>,
}

impl Narrator {
    /// Returns a coloured narrator on a terminal, unless `NO_COLOR` (no-color.org) is set; a plain one
    /// otherwise.
    pub(super) fn for_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && std::io::stdout().is_terminal(), unheard: Mutex::default() }
    }

    /// Checks that all that was told could be shown. The story goes on without, for the exit code.
    ///
    /// # Errors
    ///
    /// When it could not be written, as on a full disk.
    pub(super) fn was_heard(&self) -> std::io::Result<()> {
        let mut unheard = self.unheard.lock();
        unheard.take().map_or(Ok(()), Err)
    }

    /// Shows a line as it is, to be pasted or read by a program.
    pub(super) fn line(&self, text: &str) {
        if let Err(Stopped::Failed(error)) = Output::lock().line(text) {
            *self.unheard.lock() = Some(error);
        }
    }

    fn say(&self, style: Style, mark: &str, text: &str) {
        let width = COLUMNS - mark.trim_start().chars().count() - 1;
        let lines = wrapped(text, width.min(COLUMNS - INDENT.len())).join(&format!("\n{INDENT}"));
        let mark = if self.colour { mark.style(style).to_string() } else { mark.to_owned() };
        self.line(&format!("{mark} {lines}"));
    }

    pub(super) fn opening(&self, took: Duration, port: u16, plain_port: u16, clouds: [&str; 2]) {
        self.say(Style::new().bold(), "vehicle-connector demo", "- nothing leaves this machine");
        self.fact(&format!("broker     127.0.0.1, port {port} for MQTT 5, {plain_port} for 3.1.1"));
        let [first, other] = clouds;
        self.fact(&format!("clouds     {first} (simulated Hyundai/Kia EU)"));
        self.fact(&format!("           {other} (simulated Renault)"));
        self.fact(&format!("ready      in {} ms, components compiled", took.as_millis()));
    }

    /// Begins an act.
    pub(super) fn act(&self, title: &str) {
        self.say(Style::new().cyan().bold(), "\n##", title);
    }

    /// Shows something that was seen.
    pub(super) fn fact(&self, text: &str) {
        self.say(Style::new().dimmed(), "  ", text);
    }

    /// Shows something that happens to the host.
    pub(super) fn trouble(&self, text: &str) {
        self.say(Style::new().yellow().bold(), "  !", text);
    }

    /// Shows something that was checked and found as told.
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
            "{token_refreshes} token refreshes, {upstream_calls} requests to the clouds, {policy_swaps} policy swaps, \
             {}.{:03} s",
            duration_ms / 1_000,
            duration_ms % 1_000
        ));
    }

    pub(super) fn invitation(&self, mqtt: &config::Mqtt, plain_port: u16, seconds: Option<u64>) {
        let (host, base) = (&mqtt.host, &mqtt.base_topic);
        self.act("Now you");
        self.fact("The broker, the clouds and the host keep running. In another terminal:");
        // As short as they can be, because they are to be pasted: `mosquitto_pub` speaks 3.1.1 unless it is
        // told otherwise.
        let at = format!("-h {host} -p {plain_port} -t");
        self.line("");
        self.line(&format!("mosquitto_sub {at} '{base}/#' -v"));
        self.line(&format!("b={base}/vehicle"));
        self.line(&format!("mosquitto_pub {at} $b/niro/cmd/lock -m UNLOCK"));
        self.line(&format!("mosquitto_pub {at} $b/ev6/cmd/refresh_cached -m PRESS"));
        self.line("");
        match seconds {
            Some(seconds) => {
                self.fact(&format!("Ends by itself {seconds} s after its start; Ctrl-C ends it now."))
            }
            None => self.fact("Ctrl-C ends it."),
        }
    }
}

/// Wraps text into lines of at most `width` characters, broken between words. A word that is longer has a
/// line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Blanks within a line stay, for they align it.
    for word in text.split_inclusive(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.chars().count() + word.trim_end().chars().count() > width {
            line.truncate(line.trim_end().len());
            lines.push(word.to_owned());
        } else {
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_blanks_within_them_stay() {
        assert_eq!(wrapped("niro    60 %", 20), ["niro    60 %"]);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a muchtoolongword b", 6), ["a", "muchtoolongword", "b"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
