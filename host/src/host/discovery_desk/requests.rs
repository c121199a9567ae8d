//! Requests about what Home Assistant is told.

use serde::Deserialize;
use serde_json::{Value, json};

use super::DiscoveryDesk;
use crate::host::requests::parsed;

/// Most bytes of documents that are shown at once: answers go to the broker too, which bears so much.
const SHOWN_AT_ONCE: usize = 192 * 1024;

/// A request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Part of the topics of the documents that `show` is about; all if absent.
    about: Option<String>,
    /// Transaction, which only the answer needs.
    #[serde(default, rename = "transaction")]
    _transaction: Value,
}

impl DiscoveryDesk {
    /// Does what a request asks for; none if there is no such request.
    pub(in crate::host) async fn about(&self, what: &str, payload: &[u8]) -> Option<Result<Value, String>> {
        if !matches!(what, "show" | "publish" | "clear") {
            return None;
        }
        let takes = match what {
            "show" => "discovery/show takes {} or {\"about\":\"PART OF A TOPIC\"}".to_owned(),
            what => format!("discovery/{what} takes {{}}"),
        };
        let wanted = match parsed::<Wanted>(payload, &takes) {
            Ok(wanted) => wanted,
            Err(error) => return Some(Err(error)),
        };
        Some(match (what, wanted.about) {
            ("show", about) => self.show(about.as_deref().unwrap_or_default()),
            (_, Some(_)) => Err(takes),
            ("publish", None) => self.publish_all().await,
            (_, None) => Ok(self.clear_all()),
        })
    }

    fn show(&self, about: &str) -> Result<Value, String> {
        let documents: Vec<_> =
            self.book.documents().into_iter().filter(|(topic, _)| topic.contains(about)).collect();
        let bytes: usize = documents.iter().map(|(_, document)| document.len()).sum();
        if bytes > SHOWN_AT_ONCE {
            return Err(format!(
                "the {} documents have {bytes} bytes, and {SHOWN_AT_ONCE} are shown at once; name some with \
                 {{\"about\":\"PART OF A TOPIC\"}}",
                documents.len()
            ));
        }
        let shown = documents.into_iter().map(|(topic, document)| {
            let bytes = document.len();
            json!({
                "topic": topic,
                "bytes": bytes,
                "document": serde_json::from_slice::<Value>(&document).unwrap_or_default(),
            })
        });
        Ok(json!({
            "discovery": self.settings.discovery.as_str(),
            "prefix": self.settings.prefix,
            "documents": shown.collect::<Vec<_>>(),
        }))
    }

    /// Publishes everything again, also after everything was cleared. What the broker has cleared was crossed out, so it
    /// is written down before.
    async fn publish_all(&self) -> Result<Value, String> {
        if !self.is_on() {
            return Err(
                "discovery is off; set homeassistant.discovery to \"device\" or \"component\"".to_owned()
            );
        }
        let _turn = self.turn.lock().await;
        // From now on no topic that is told is crossed out.
        self.book.silence(false);
        for device in self.facts.devices() {
            self.book.write_down(&device).await;
        }
        Ok(json!({"published": self.announce()}))
    }

    /// Has everything cleared that the broker may have. Nothing is published until that is asked for, or the next start.
    fn clear_all(&self) -> Value {
        self.book.silence(true);
        let clears = {
            let _told = self.told.lock();
            let clears = self.book.everything();
            let topics: Vec<String> = clears.iter().map(|message| message.topic.clone()).collect();
            self.publish(clears);
            topics
        };
        json!({"cleared": clears})
    }
}
