//! The examples that the program prints at its start, sent to it as they stand there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::{LEGACY, Reply, send};

/// The program, which ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An example: its purpose, the path, and the body if it has one.
struct Example {
    purpose: String,
    path: String,
    body: Option<String>,
}

impl Example {
    fn read(line: &str, base: &str) -> Self {
        let (purpose, rest) = line.split_once("curl -s ").unwrap();
        let rest = rest.strip_prefix(base).unwrap();
        let (path, body) = match rest.split_once(" -d ") {
            Some((path, body)) => (path, Some(body.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap())),
            None => (rest, None),
        };
        // A shell would end the text there.
        assert!(!body.unwrap_or_default().contains('\''), "{line}");
        assert!(
            purpose.trim_end().ends_with(':') && purpose.ends_with(' '),
            "the purpose stands apart: {line}"
        );
        Self { purpose: purpose.trim().to_owned(), path: path.to_owned(), body: body.map(str::to_owned) }
    }

    async fn send(&self, base: &str) -> Reply {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        send(base, method, &self.path, &vec![], self.body.as_deref().unwrap_or_default()).await.unwrap()
    }
}

/// Starts the program. Returns where it is, and its examples.
fn start() -> (Program, String, Vec<Example>) {
    let mut program =
        Command::new(env!("CARGO_BIN_EXE_eu-simulator")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    let program = Program(program);
    let base = lines.next().unwrap();
    let mut examples = Vec::new();
    for line in lines.filter(|line| line.contains("curl")) {
        examples.push(Example::read(&line, &base));
        if line.starts_with("all well again") {
            break;
        }
    }
    (program, base, examples)
}

#[tokio::test]
async fn every_example_of_the_start_text_is_taken() {
    let (_program, base, examples) = start();
    assert!(examples.len() > 10, "{}", examples.len());
    for example in &examples {
        let reply = example.send(&base).await;
        assert_eq!(reply.status, 200, "{} {}", example.purpose, reply.body);
    }
}

#[tokio::test]
async fn a_read_is_refused_once_in_the_words_of_the_example() {
    let (_program, base, examples) = start();
    let example =
        examples.iter().find(|example| example.purpose.starts_with("refuse in your words")).unwrap();
    assert_eq!(example.send(&base).await.status, 200);
    let read = async || {
        let path = format!("/api/v1/spa/vehicles/{LEGACY}/status/latest");
        send(&base, "GET", &path, &vec![], "").await.unwrap()
    };
    let refused = read().await;
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (403, Some("access card no longer honoured"))
    );
    assert!(!read().await.body.contains("access card"), "once");
}
