//! The operator's tools, with the real program: backups, dumps, the doctor, the log, a first configuration.

mod backup;
mod diagnosis;
mod files;
mod running;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::crash::House;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    /// Runs the program to its end; the exit code and what it says.
    async fn says(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.program().current_dir(self.folder.path()).args(arguments).output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap(), said)
    }

    async fn does(&self, arguments: &[&str]) -> String {
        let (code, said) = self.says(arguments).await;
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The port of its broker.
    fn port(&self) -> u16 {
        let text = std::fs::read_to_string(self.config()).unwrap();
        text.split("mqtt://127.0.0.1:").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    }
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
